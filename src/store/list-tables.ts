/** How each table is read by lists. */
import type { TableReading } from './list.ts';
import { shortColumns } from './tables/servers.ts';

const oldestFirst = [{ column: 'created_at' }, { column: 'id' }];
const byName = [{ column: 'name' }, { column: 'id' }];
const newestFirst = [
  { column: 'created_at', descending: true },
  { column: 'id', descending: true },
];

export const listTables = {
  access_rules: { id: 'id', order: [{ column: 'id' }] },
  address_groups: { id: 'id', order: oldestFirst },
  address_scopes: { id: 'id', order: oldestFirst },
  application_credentials: { id: 'id', order: byName },
  credentials: { id: 'id', order: [{ column: 'id' }] },
  default_security_group_rules: { id: 'id', order: oldestFirst },
  domains: { id: 'id', order: byName },
  endpoint_groups: { id: 'id', order: byName },
  floating_ips: { id: 'id', order: oldestFirst },
  flavors: { id: 'id', order: [{ column: 'id' }] },
  groups: { id: 'id', order: byName },
  identity_providers: { id: 'id', order: [{ column: 'id' }] },
  image_tasks: { id: 'id', order: newestFirst },
  images: { id: 'id', order: newestFirst, scanned: 8, read: 8 },
  keypairs: { id: 'name', order: [{ column: 'name' }] },
  limits: { id: 'id', order: [{ column: 'id' }] },
  registered_limits: { id: 'id', order: [{ column: 'id' }] },
  metadef_namespaces: { id: 'namespace', order: newestFirst },
  metadef_items: { id: 'name', order: newestFirst },
  network_agents: { id: 'id', order: oldestFirst },
  network_segments: { id: 'id', order: oldestFirst },
  networks: { id: 'id', order: oldestFirst },
  node_locks: { id: 'id', order: oldestFirst },
  node_ports: { id: 'uuid', order: [{ column: 'id' }] },
  ports: { id: 'id', order: oldestFirst },
  /** Small records of the bare-metal service. */
  records: { id: 'uuid', order: [{ column: 'created_at' }, { column: 'uuid' }] },
  port_forwardings: { id: 'id', order: oldestFirst },
  qos_policies: { id: 'id', order: oldestFirst },
  qos_rules: { id: 'id', order: oldestFirst },
  routers: { id: 'id', order: oldestFirst },
  rbac_policies: { id: 'id', order: oldestFirst },
  security_groups: { id: 'id', order: oldestFirst },
  security_group_rules: { id: 'id', order: oldestFirst },
  servers: { id: 'id', order: newestFirst, scanned: 30, read: 20, short: shortColumns },
  roles: { id: 'id', order: byName },
  projects: { id: 'id', order: byName },
  subnet_pools: { id: 'id', order: oldestFirst },
  subnets: { id: 'id', order: oldestFirst },
  trunks: { id: 'id', order: oldestFirst },
  trusts: { id: 'id', order: [{ column: 'id' }] },
  users: { id: 'id', order: byName },
} as const satisfies Record<string, TableReading>;
