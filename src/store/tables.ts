/** The tables for Kysely, and their columns with JSON or booleans, for which SQLite has no types. */
import type { Generated } from 'kysely';
import type { JsonObject } from '#domain/json.ts';
import { resourceName, sizeOf } from '#domain/placement.ts';
import type { ApplicationCredential } from './tables/application-credentials.ts';
import type { BmcHealthRecord } from './tables/bmc-health.ts';
import type { DeletedImage } from './tables/deleted-images.ts';
import type { Event } from './tables/events.ts';
import type { Flavor } from './tables/flavors.ts';
import type { Image } from './tables/images.ts';
import type { IpAllocation } from './tables/ip-allocations.ts';
import type { Keypair } from './tables/keypairs.ts';
import type { LoginAddress } from './tables/login-addresses.ts';
import type { Network } from './tables/networks.ts';
import type { NodeEndpoint } from './tables/node-endpoints.ts';
import type { NodePort } from './tables/node-ports.ts';
import type { Node } from './tables/nodes.ts';
import type { Operation } from './tables/operations.ts';
import type { Port } from './tables/ports.ts';
import type { ProjectTokenRevision } from './tables/project-token-revisions.ts';
import type { Project } from './tables/projects.ts';
import type { RevokedToken } from './tables/revoked-tokens.ts';
import type { RoleAssignment } from './tables/role-assignments.ts';
import type { SecretsKey } from './tables/secrets-key.ts';
import type { Server } from './tables/servers.ts';
import type { Subnet } from './tables/subnets.ts';
import type { User } from './tables/users.ts';

type WithGeneratedId<T extends { id: number }> = Omit<T, 'id'> & { id: Generated<number> };

/** Sizes for choosing a node, in separate columns, because JSON has no index. */
type NodeSizes = {
  /** null: not in the node's properties. */
  size_cpus: Generated<number | null>;
  size_memory_mb: Generated<number | null>;
  size_local_gb: Generated<number | null>;
  resource_name: Generated<string>;
};

export type Tables = {
  nodes: WithGeneratedId<Node> & NodeSizes;
  node_ports: WithGeneratedId<NodePort>;
  bmc_health: BmcHealthRecord;
  node_endpoints: NodeEndpoint;
  flavors: Flavor;
  keypairs: Keypair;
  images: Image;
  deleted_images: DeletedImage;
  networks: Network;
  subnets: Subnet;
  ports: Port;
  ip_allocations: IpAllocation;
  servers: Server;
  operations: Operation;
  events: WithGeneratedId<Event>;
  users: User;
  projects: Project;
  revoked_tokens: RevokedToken;
  project_token_revisions: ProjectTokenRevision;
  login_addresses: LoginAddress;
  role_assignments: RoleAssignment;
  application_credentials: ApplicationCredential;
  secrets_key: SecretsKey;
};

export type TableName = keyof Tables;

/** A column derived from another: written with it, and not part of the record. */
type DerivedColumn = { readonly from: string; derive(value: never): number | string | null };
type ColumnKinds = {
  /** JSON columns stored encrypted, which therefore cannot be searched. */
  readonly sealed?: readonly string[];
  readonly json: readonly string[];
  readonly boolean: readonly string[];
  readonly derived?: Readonly<Record<string, DerivedColumn>>;
};

export const columnKindsTable: Record<TableName, ColumnKinds> = {
  nodes: {
    json: ['driver_info', 'properties', 'extra', 'instance_info', 'traits', 'inventory', 'known_disks'],
    sealed: ['driver_info'],
    boolean: ['maintenance', 'must_clean', 'console_enabled', 'secure_boot'],
    derived: {
      size_cpus: { from: 'properties', derive: ({ cpus }: JsonObject) => sizeOf(cpus) },
      size_memory_mb: { from: 'properties', derive: ({ memory_mb }: JsonObject) => sizeOf(memory_mb) },
      size_local_gb: { from: 'properties', derive: ({ local_gb }: JsonObject) => sizeOf(local_gb) },
      resource_name: { from: 'resource_class', derive: resourceName },
    },
  },
  node_ports: { json: ['local_link_connection', 'extra'], boolean: ['pxe_enabled'] },
  bmc_health: { json: [], boolean: [] },
  node_endpoints: { json: [], boolean: [] },
  flavors: { json: ['extra_specs'], boolean: ['is_public'] },
  keypairs: { json: [], boolean: [] },
  images: { json: ['tags', 'properties'], boolean: ['protected', 'uploaded_by_admin'] },
  deleted_images: { json: [], boolean: [] },
  networks: { json: ['provider'], boolean: ['admin_state_up', 'shared', 'external'] },
  subnets: { json: ['dns_nameservers', 'allocation_pools', 'host_routes'], boolean: ['enable_dhcp'] },
  ports: { json: ['fixed_ips'], boolean: ['admin_state_up', 'owned_by_server'] },
  ip_allocations: { json: [], boolean: [] },
  servers: {
    json: ['flavor', 'metadata', 'personality', 'port_ids', 'requested_networks', 'fault'],
    boolean: ['locked', 'preserve_ephemeral'],
  },
  operations: { json: ['request', 'context', 'fault'], sealed: ['request', 'context'], boolean: [] },
  events: { json: ['data'], boolean: [] },
  users: { json: [], boolean: ['is_admin', 'enabled'] },
  projects: { json: [], boolean: [] },
  revoked_tokens: { json: [], boolean: [] },
  project_token_revisions: { json: [], boolean: [] },
  login_addresses: { json: [], boolean: [] },
  role_assignments: { json: [], boolean: [] },
  application_credentials: { json: ['roles'], boolean: [] },
  secrets_key: { json: [], boolean: [] },
};
