/** Lists of small records: filtered, sorted by the column that a request names, page by page. */
import { Fault } from '#domain/faults.ts';
import type { Collection } from '#store/collection.ts';
import type { Condition } from '#store/conditions.ts';
import { type ListPage, listRows, type TableReading } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';

export type ListRequest = {
  limit?: number | undefined;
  marker?: string | undefined;
  sort_key?: string | undefined;
  descending: boolean;
  /** Those that the caller may see; absent: all. */
  visible?: readonly Condition[];
};

type Source<T extends object> = {
  readonly collection: Collection<T>;
  /** Absent: oldest first. */
  readonly table?: TableReading;
  /** Columns by which the list may be sorted, beside the order of the table, which is that of Ironic's `id`. */
  readonly sortable: readonly (keyof T & string)[];
  readonly where?: readonly Condition[];
  /** The record after which a page begins. Throws for a marker that is none. */
  readonly find: (marker: string) => Promise<{ uuid: string }>;
};

/** @throws Fault `badRequest` for an unknown sort key */
export async function listRecords<T extends object>(
  { collection, table = listTables.records, sortable, where = [], find }: Source<T>,
  { limit, marker, sort_key, descending, visible = [] }: ListRequest,
): Promise<ListPage<T>> {
  const named = sort_key || 'id';
  const column = sortable.find((each) => each === named);
  if (column === undefined && named !== 'id')
    throw new Fault('badRequest', { detail: `The sort_key value "${named}" is an invalid field for sorting` });
  const order = table.order.map((key) => ({ ...key, descending }));
  const sort = column === undefined ? [] : [{ column, descending }];
  const after = marker === undefined ? undefined : (await find(marker)).uuid;
  return listRows({ collection, table: { ...table, order }, visible }, { where, sort, limit, marker: after });
}
