/** Lists of small records: sorted by the column that a request names, page by page. */
import { Fault } from '#domain/faults.ts';
import type { Collection } from '#store/collection.ts';
import type { Condition } from '#store/conditions.ts';
import { type ListPage, listRows } from '#store/list.ts';

export type ListRequest = {
  limit?: number | undefined;
  marker?: string | undefined;
  sort_key?: string | undefined;
  descending: boolean;
};

type Source<T extends object> = {
  readonly collection: Collection<T>;
  /** Columns by which the list may be sorted, beside its age (`id`). */
  readonly sortable: readonly (keyof T & string)[];
  readonly where?: readonly Condition[];
  /** Throws for a marker that is no record. */
  readonly find: (marker: string) => Promise<unknown>;
};

/** @throws Fault `badRequest` for an unknown sort key */
export async function listRecords<T extends object>(
  { collection, sortable, where = [], find }: Source<T>,
  { limit, marker, sort_key = 'id', descending }: ListRequest,
): Promise<ListPage<T>> {
  const column = sort_key === 'id' ? 'created_at' : sortable.find((each) => each === sort_key);
  if (column === undefined)
    throw new Fault('badRequest', { detail: `The sort_key value "${sort_key}" is an invalid field for sorting` });
  if (marker !== undefined) await find(marker);
  const table = { id: 'uuid', order: [{ column: 'created_at', descending }, { column: 'uuid' }] };
  const source = { collection, table, visible: [] };
  return listRows(source, { where, sort: [{ column, descending }], limit, marker: marker?.toLowerCase() });
}
