/**
 * The list of nodes, filtered, sorted and paged by the database, so that the cost depends on the page, not on ten
 * thousand nodes.
 */
import { setImmediate } from 'node:timers/promises';
import { type SelectQueryBuilder, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { contains } from './contains.ts';
import { isAfter } from './keyset.ts';
import type { Store } from './store.ts';
import type { Node } from './tables/nodes.ts';
import type { Tables } from './tables.ts';

export type NodeFilters = Readonly<Record<string, string | boolean | undefined>>;
export type NodeListRequest = {
  filters: NodeFilters;
  /** A column; undefined: order of enrolment. */
  sortBy: (typeof sortable)[number] | undefined;
  descending: boolean;
};

type Query = SelectQueryBuilder<Tables, 'nodes', object>;
type Filter = (query: Query, wanted: string | boolean) => Query;

const nobody: Filter = (query) => query.where('id', '=', -1);
const equals =
  (column: 'instance_uuid' | 'provision_state' | 'fault' | 'driver' | 'resource_class' | 'owner' | 'parent_node'): Filter =>
  (query, wanted) =>
    query.where(column, '=', String(wanted) as never);

const filterTable: Readonly<Record<string, Filter>> = {
  instance_uuid: equals('instance_uuid'),
  provision_state: equals('provision_state'),
  fault: equals('fault'),
  driver: equals('driver'),
  resource_class: equals('resource_class'),
  owner: equals('owner'),
  associated: (query, wanted) => query.where('instance_uuid', wanted ? 'is not' : 'is', null),
  maintenance: (query, wanted) => query.where('maintenance', '=', wanted === true),
  description_contains: (query, wanted) => query.where(contains('description', String(wanted))),
  instance_name: (query, wanted) => query.where(sql<boolean>`instance_info ->> 'display_name' = ${wanted}`),
  shard: (query, wanted) => query.where('shard', 'in', String(wanted).split(',')),
  sharded: (query, wanted) => query.where('shard', wanted ? 'is not' : 'is', null),
  parent_node: equals('parent_node'),
  include_children: (query) => query,
  // Features that Ingot does not have: no node is retired, leased, or in a chassis.
  retired: (query, wanted) => (wanted ? nobody(query, wanted) : query),
  lessee: nobody,
  chassis_uuid: nobody,
  /** True if it names this conductor. */
  conductor: (query, wanted) => (wanted ? query : nobody(query, wanted)),
  conductor_group: (query, wanted) => (wanted === '' ? query : nobody(query, wanted)),
};

const sortable = [
  ...(['id', 'uuid', 'name', 'driver', 'resource_class', 'description', 'owner', 'provision_state', 'power_state'] as const),
  ...(['target_provision_state', 'target_power_state', 'maintenance', 'fault', 'last_error', 'instance_uuid'] as const),
  ...(['created_at', 'updated_at', 'provision_updated_at', 'shard', 'parent_node'] as const),
] as const satisfies readonly (keyof Node)[];

/** @throws Fault `badRequest` */
export function readSortKey(name: string | undefined): NodeListRequest['sortBy'] {
  if (name === undefined) return undefined;
  const column = sortable.find((each) => each === name);
  if (!column) throw new Fault('badRequest', { detail: `The sort_key value "${name}" is an invalid field for sorting` });
  return column;
}

export type NodePage = { after?: Node | undefined; limit?: number };

/** Ids of the matching nodes in order: all, or one page. */
export async function listNodeIds(
  store: Store,
  { filters, sortBy, descending }: NodeListRequest,
  { after, limit }: NodePage = {},
): Promise<{ uuid: string }[]> {
  let query: Query = store.db.selectFrom('nodes');
  for (const [name, wanted] of Object.entries(filters)) {
    const filter = Object.hasOwn(filterTable, name) ? filterTable[name] : undefined;
    if (filter && wanted !== undefined) query = filter(query, wanted);
  }
  // Child nodes are listed only on request.
  if (filters['parent_node'] === undefined && filters['include_children'] !== true)
    query = query.where('parent_node', 'is', null);
  const byId = !sortBy || sortBy === 'id';
  const order = byId ? [{ column: 'id', descending } as const] : [{ column: sortBy, descending }, { column: 'id' } as const];
  if (after) query = query.where(isAfter(order, after));
  for (const key of order) query = query.orderBy(key.column, 'descending' in key && key.descending ? 'desc' : 'asc');
  if (limit !== undefined) query = query.limit(limit);
  return query.select('uuid').execute();
}

/** A page of a thousand would block all other requests for a tenth of a second. */
const nodesAtOnce = 50;

/** In the order of `page`, in batches; yields to other requests between them. */
export async function* readNodes({ nodes }: Store, page: readonly { uuid: string }[]): AsyncGenerator<Node[]> {
  for (let start = 0; start < page.length; start += nodesAtOnce) {
    const uuids = page.slice(start, start + nodesAtOnce).map(({ uuid }) => uuid);
    const rows = new Map((await nodes.list({ uuid: uuids })).map((node) => [node.uuid, node]));
    yield uuids.flatMap((uuid) => rows.get(uuid) ?? []);
    await setImmediate();
  }
}

/** Largest first; `name` is null for nodes without a shard. */
export async function countShards({ db }: Store): Promise<{ name: string | null; count: number }[]> {
  const count = sql<number>`count(*)`;
  return db
    .selectFrom('nodes')
    .select(['shard as name', count.as('count')])
    .groupBy('shard')
    .orderBy(count, 'desc')
    .orderBy('shard')
    .execute();
}
