/** Filters and sort keys of the list of nodes, as conditions for the database. */
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { fixedNodeFieldTable, nodeTexts } from '#domain/node-fields.ts';
import { contains } from './contains.ts';
import type { Dialect } from './dialect/dialect.ts';

export type NodeFilters = Readonly<Record<string, string | boolean | undefined>>;
export type NodeListRequest = {
  filters: NodeFilters;
  /** A column; undefined: order of enrolment. */
  sortBy: (typeof sortable)[number] | undefined;
  descending: boolean;
};

/** undefined: matches every node. */
type Condition = RawBuilder<boolean> | undefined;
type Filter = (wanted: string | boolean, dialect: Dialect) => Condition;

const nobody: Filter = () => sql`id = -1`;
const equals =
  (column: string): Filter =>
  (wanted) =>
    sql`${sql.ref(column)} = ${String(wanted)}`;
const isSet =
  (column: string): Filter =>
  (wanted) =>
    wanted ? sql`${sql.ref(column)} IS NOT NULL` : sql`${sql.ref(column)} IS NULL`;

const filterTable: Readonly<Record<string, Filter>> = {
  ...Object.fromEntries(Object.keys(fixedNodeFieldTable).map((name) => [name, nobody])),
  ...Object.fromEntries(nodeTexts.map((name) => [name, equals(name)])),
  project: (wanted) => sql`(owner = ${String(wanted)} OR lessee = ${String(wanted)})`,
  visible_to: (wanted) => sql`(owner = ${String(wanted)} OR lessee = ${String(wanted)})`,
  instance_uuid: equals('instance_uuid'),
  provision_state: equals('provision_state'),
  fault: equals('fault'),
  driver: equals('driver'),
  associated: isSet('instance_uuid'),
  maintenance: (wanted) => sql`maintenance = ${wanted === true}`,
  description_contains: (wanted) => contains('description', String(wanted)),
  instance_name: (wanted, dialect) => dialect.hasMember('instance_info', 'display_name', [wanted]),
  shard: (wanted) => sql`shard IN (${sql.join(String(wanted).split(','))})`,
  sharded: isSet('shard'),
  include_children: () => undefined,
  retired: (wanted) => sql`retired = ${wanted === true}`,
  /** True if it names this conductor. */
  conductor: (wanted, dialect) => (wanted ? undefined : nobody(wanted, dialect)),
  conductor_group: (wanted, dialect) => (wanted === '' ? undefined : nobody(wanted, dialect)),
};

/** Child nodes are listed only on request. */
export function nodeConditions(filters: NodeFilters, dialect: Dialect): RawBuilder<boolean>[] {
  const isChildless = filters['parent_node'] === undefined && filters['include_children'] !== true;
  const conditions = Object.entries(filters).map(([name, wanted]) => {
    const filter = Object.hasOwn(filterTable, name) ? filterTable[name] : undefined;
    return wanted === undefined ? undefined : filter?.(wanted, dialect);
  });
  return [...conditions, isChildless ? sql<boolean>`parent_node IS NULL` : undefined].filter((each) => each !== undefined);
}

const sortable = [
  ...nodeTexts,
  ...(['id', 'uuid', 'driver', 'provision_state', 'power_state'] as const),
  ...(['target_provision_state', 'target_power_state', 'maintenance', 'fault', 'last_error', 'instance_uuid'] as const),
  ...(['created_at', 'updated_at', 'provision_updated_at'] as const),
] as const;

/** @throws Fault `badRequest` */
export function readSortKey(name: string | undefined): NodeListRequest['sortBy'] {
  if (name === undefined) return undefined;
  const column = sortable.find((each) => each === name);
  if (!column) throw new Fault('badRequest', { detail: `The sort_key value "${name}" is an invalid field for sorting` });
  return column;
}
