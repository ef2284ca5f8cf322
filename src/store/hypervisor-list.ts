/** Nodes as Nova hypervisors: a few columns, paged, with sums computed by the database. */
import { sql } from 'kysely';
import { contains } from './contains.ts';
import { isAfter } from './keyset.ts';
import type { Store } from './store.ts';
import type { Node } from './tables/nodes.ts';

const columns = [
  ...(['id', 'uuid', 'name', 'maintenance', 'maintenance_reason', 'properties', 'instance_uuid', 'operation_id'] as const),
] as const satisfies readonly (keyof Node)[];
export type HypervisorRow = Pick<Node, (typeof columns)[number]>;

/** In order of enrolment. @param pattern substring of the UUID or name; empty: all */
export async function listHypervisors(
  { db, nodes }: Store,
  pattern: string,
  { after, limit }: { after?: Pick<Node, 'id'> | undefined; limit?: number },
): Promise<HypervisorRow[]> {
  let query = db.selectFrom('nodes').select(columns).orderBy('id');
  if (pattern !== '') query = query.where((where) => where.or([contains('uuid', pattern), contains('name', pattern)]));
  if (after) query = query.where(isAfter([{ column: 'id' }], after));
  if (limit !== undefined) query = query.limit(limit);
  return (await query.execute()).map((row) => nodes.decode(row));
}

export type HypervisorSums = { count: number; workload: number } & Record<'all' | 'used', Sizes>;
type Sizes = { nodes: number; cpus: number; memory_mb: number; local_gb: number };

/** Totals of all nodes, and of those in use by servers. */
export async function sumHypervisors({ db }: Store): Promise<HypervisorSums> {
  const sums = await db
    .selectFrom('nodes')
    .select(({ fn }) => [
      sql<number>`instance_uuid IS NOT NULL`.as('is_used'),
      fn.countAll<number>().as('nodes'),
      fn.count<number>('operation_id').as('workload'),
      sql<number>`COALESCE(SUM(size_cpus), 0)`.as('cpus'),
      sql<number>`COALESCE(SUM(size_memory_mb), 0)`.as('memory_mb'),
      sql<number>`COALESCE(SUM(size_local_gb), 0)`.as('local_gb'),
    ])
    .groupBy('is_used')
    .execute();
  const add = (name: 'workload' | keyof Sizes, isOnlyUsed: boolean) =>
    sums.filter(({ is_used }) => is_used || !isOnlyUsed).reduce((sum, row) => sum + Number(row[name]), 0);
  const sizes = (isOnlyUsed: boolean) => ({
    nodes: add('nodes', isOnlyUsed),
    cpus: add('cpus', isOnlyUsed),
    memory_mb: add('memory_mb', isOnlyUsed),
    local_gb: add('local_gb', isOnlyUsed),
  });
  return { count: add('nodes', false), workload: add('workload', false), all: sizes(false), used: sizes(true) };
}
