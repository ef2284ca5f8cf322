/** Counts the writes that may change what a token permits, so that a caller need not be read for each request; tells of others. */
import type { LogEvent } from 'kysely';

/** Tables of which no token depends. A write to any other table counts, also to one that is added later. */
const unrelated: ReadonlySet<string> = new Set([
  ...['nodes', 'node_ports', 'node_endpoints', 'bmc_health', 'operations', 'events', 'servers', 'images', 'deleted_images'],
  ...['security_groups', 'security_group_rules', 'network_quotas', 'address_groups', 'address_scopes', 'rbac_policies'],
  ...['routers', 'router_ports', 'floating_ips', 'port_forwardings', 'trunks', 'trunk_subports'],
  ...[
    'default_security_group_rules',
    'network_agents',
    'network_segments',
    'networks',
    'qos_policies',
    'qos_rules',
    'subnet_pools',
    'subnets',
    'ports',
    'port_bindings',
    'ip_allocations',
    'flavor_access',
    'flavors',
    'keypairs',
    'login_addresses',
  ],
  ...['console_tickets', 'node_reservations', 'failed_logins', 'event_subscriptions', 'held_addresses'],
  ...['firmware_updates'],
  ...['allocations', 'chassis', 'config_drives', 'deploy_templates', 'fetched_images', 'inspection_rules', 'node_locks'],
  ...['portgroups', 'runbooks', 'image_members', 'image_tasks', 'volume_connectors', 'volume_targets'],
  ...['metadef_namespaces', 'metadef_items', 'metadef_resource_types'],
  ...['regions', 'catalog_services', 'catalog_endpoints', 'credentials', 'registered_limits', 'limits'],
  ...['endpoint_groups', 'project_endpoints', 'project_endpoint_groups'],
  ...['federation_mappings', 'federation_protocols'],
]);

/** Statements that are not built from nodes. */
const changesNothing = /^\s*(select|begin|start transaction|commit|rollback|savepoint|release|pragma|vacuum)\b/i;

type Query = Pick<LogEvent['query'], 'query' | 'sql'>;
type QueryNode = Query['query'];

export class AccessChanges {
  readonly #listeners = new Map<string, Set<() => void>>();
  #revision = 0;

  /** Another one after each write that counts. */
  get revision(): number {
    return this.#revision;
  }

  /** Kysely's log: called after each query. */
  readonly note = ({ query }: LogEvent): void => this.noteQuery(query);

  noteQuery({ query, sql }: Query): void {
    if (query.kind === 'SelectQueryNode' || (query.kind === 'RawNode' && changesNothing.test(sql))) return;
    const table = tableOf(query) ?? '';
    if (!unrelated.has(table)) this.count();
    for (const listener of this.#listeners.get(table) ?? []) listener();
  }

  /**
   * Calls `listener` at each write to one of the tables, which may not be committed then: a query that is begun afterwards waits
   * for the end of its transaction. @returns an unsubscribe function
   */
  listen(tables: readonly string[], listener: () => void): () => void {
    for (const table of tables) this.#listeners.set(table, (this.#listeners.get(table) ?? new Set()).add(listener));
    return () => {
      for (const table of tables) this.#listeners.get(table)?.delete(listener);
    };
  }

  /** What a transaction has written is seen by others only after its end. */
  count(): void {
    this.#revision += 1;
  }
}

/** Undefined: it cannot be told. */
function tableOf(query: QueryNode): string | undefined {
  if (query.kind === 'InsertQueryNode') return query.into?.table.identifier.name;
  if (query.kind === 'DeleteQueryNode') return nameOf(query.from.froms[0]);
  return query.kind === 'UpdateQueryNode' ? nameOf(query.table) : undefined;
}

function nameOf(node: object | undefined): string | undefined {
  const { table } = (node ?? {}) as { table?: { identifier?: { name?: string } } };
  return table?.identifier?.name;
}
