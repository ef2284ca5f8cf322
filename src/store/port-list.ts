/** The list of network ports, filtered, sorted and paged by the database as far as its columns allow. */
import { sql } from 'kysely';
import { contains } from './contains.ts';
import { isAfter, type Order } from './keyset.ts';
import type { Store } from './store.ts';
import type { Port } from './tables/ports.ts';

const columns = [
  ...(['id', 'name', 'network_id', 'project_id', 'mac_address', 'device_id', 'device_owner', 'status', 'description'] as const),
  ...(['created_at', 'updated_at'] as const),
] as const satisfies readonly (keyof Port)[];
export type PortColumn = (typeof columns)[number];

/** Maps a client's field name to a column that can be compared and sorted. */
export function portColumn(name: string): PortColumn | undefined {
  return name === 'tenant_id' ? 'project_id' : columns.find((column) => column === name);
}

export type PortListRequest = {
  /** Only ports of this project. */
  project_id?: string | undefined;
  /** Each column must have one of its values. */
  filters: readonly { column: PortColumn; values: readonly string[] }[];
  /** Matches if any address has this value of `ip_address` or `subnet_id`. */
  fixedIps?: readonly { name: string; value: string }[] | undefined;
  order: Order;
};

export async function listPorts(
  { db, ports }: Store,
  { project_id, filters, fixedIps, order }: PortListRequest,
  { after, limit }: { after: Port | undefined; limit: number },
): Promise<Port[]> {
  let query = db.selectFrom('ports').selectAll();
  if (project_id !== undefined) query = query.where('project_id', '=', project_id);
  for (const { column, values } of filters) query = query.where(column, 'in', values as never);
  if (fixedIps) query = query.where(sql<boolean>`(${sql.join(fixedIps.map(isAmong), sql` OR `)})`);
  if (after) query = query.where(isAfter(order, after));
  for (const { column, descending } of order) query = query.orderBy(sql.ref(column), descending ? 'desc' : 'asc');
  const rows = await query.limit(limit).execute();
  return rows.map((row) => ports.decode(row));
}

/** `fixed_ips` is a JSON array of objects of strings: a pair is present if its JSON text is. */
function isAmong({ name, value }: { name: string; value: string }) {
  return contains('fixed_ips', `${JSON.stringify(name)}:${JSON.stringify(value)}`);
}
