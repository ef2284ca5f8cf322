/** The list of node ports (NICs), filtered, sorted and paged by the database, because each node has several. */
import { Fault } from '#domain/faults.ts';
import { contains } from './contains.ts';
import { isAfter } from './keyset.ts';
import type { Store } from './store.ts';
import type { NodePort } from './tables/node-ports.ts';

const sortable = [
  ...(['id', 'uuid', 'address', 'name', 'node_uuid', 'pxe_enabled', 'description', 'vendor', 'category'] as const),
  ...(['created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof NodePort)[];

export type NodePortListRequest = {
  node_uuid?: string | undefined;
  address?: string | undefined;
  /** Nodes in any of these shards. */
  shards?: readonly string[] | undefined;
  /** Substring of the description. */
  text?: string | undefined;
  sortBy: (typeof sortable)[number];
  descending: boolean;
};

/** @throws Fault `badRequest` */
export function readPortSortKey(name = 'id'): NodePortListRequest['sortBy'] {
  const column = sortable.find((each) => each === name);
  if (!column) throw new Fault('badRequest', { detail: `The sort_key value "${name}" is an invalid field for sorting` });
  return column;
}

export async function listNodePorts(
  { db, node_ports }: Store,
  { node_uuid, address, shards, text, sortBy, descending }: NodePortListRequest,
  { after, limit }: { after: NodePort | undefined; limit: number },
): Promise<NodePort[]> {
  let query = db.selectFrom('node_ports').selectAll();
  if (node_uuid !== undefined) query = query.where('node_uuid', '=', node_uuid);
  if (address !== undefined) query = query.where('address', '=', address);
  if (shards) query = query.where('node_uuid', 'in', db.selectFrom('nodes').select('uuid').where('shard', 'in', shards));
  if (text !== undefined) query = query.where(contains('description', text));
  const order = [{ column: sortBy, descending }, ...(sortBy === 'id' ? [] : [{ column: 'id', descending } as const])];
  if (after) query = query.where(isAfter(order, after));
  for (const { column, descending } of order) query = query.orderBy(column, descending ? 'desc' : 'asc');
  const rows = await query.limit(limit).execute();
  return rows.map((row) => node_ports.decode(row));
}
