/**
 * Reads one page of a list. The database filters, sorts and cuts; memory is bounded by the page, and other requests are
 * answered between batches.
 */
import { setImmediate } from 'node:timers/promises';
import { TimeSlice } from '#async/time-slice.ts';
import { Fault } from '#domain/faults.ts';
import type { Collection } from './collection.ts';
import { type Condition, isEqual } from './conditions.ts';
import type { Order } from './keyset.ts';

/** How the rows of a table are read. */
export type TableReading = {
  /** The unique column that names a row. */
  readonly id: string;
  /** Order of the list without sort keys, by an index; the last column is unique. */
  readonly order: Order;
  /**
   * Large rows (hundreds of kilobytes): as many as are tested, and read in full, in one go. Absent: rows are small, and
   * one query reads the page.
   */
  readonly scanned?: number;
  readonly read?: number;
  /** Columns of large rows that lists read beside the id and the sort keys, without the rest of the row. */
  readonly short?: readonly string[];
};

/** A test that is no condition in SQL, of a batch of rows with their short columns. For tables with large rows. */
export type RowTest = (rows: readonly object[]) => readonly object[] | Promise<readonly object[]>;

export type ListQuery = {
  readonly where: readonly Condition[];
  /** Sort keys of the request, before those of the table. */
  readonly sort?: Order;
  /** Absent or 0: the largest page. */
  readonly limit?: number | undefined;
  /** Id of the row after which the page begins; with `reverse`, before which it ends. */
  readonly marker?: string | undefined;
  readonly reverse?: boolean;
  /** Returns the rows of a batch that are wanted, too. */
  readonly keep?: RowTest | undefined;
};

export type ListSource<T extends object> = {
  readonly collection: Collection<T>;
  readonly table: TableReading;
  /** The records that the caller may see: a marker must be one of them. */
  readonly visible: readonly Condition[];
  /** Largest page; also the default limit. */
  readonly maximum?: number;
  /** The service's message about a marker that is no visible record. */
  readonly unknownMarker?: (marker: string) => string;
};

/** `next`: id of the last row if another page follows; with `reverse`, of the first row if another precedes. */
export type ListPage<R> = { readonly items: R[]; readonly next: string | undefined };

const largestPage = 1000;
/** A batch that was read in this time has small rows. */
const quickMs = 2;
/** Batches grow up to so many times the first: large rows may follow small ones. */
const mostTested = 16;
const mostRead = 3;
const notFound = (marker: string) => `Marker ${marker} could not be found.`;

type Key = Record<string, unknown>;
type Cut = { where: readonly Condition[]; order: Order; after: object | undefined; limit: number };

/** One page of a table with small rows. @throws Fault `badRequest` for an unknown marker */
export function listRows<T extends object>(source: ListSource<T>, query: ListQuery): Promise<ListPage<T>> {
  return readPage(source, query, ({ where, ...page }) => source.collection.list([...source.visible, ...where], page as object));
}

/** The ids, sort keys and short columns of one page, for a table with large rows, which `readRows` then reads in batches. */
export function listKeys<T extends object>(source: ListSource<T>, query: ListQuery): Promise<ListPage<object>> {
  const { collection, table, visible } = source;
  return readPage<T, object>(source, query, ({ where, ...page }) => {
    const columns = columnsOf(table, page.order) as (keyof T & string)[];
    if (table.scanned !== undefined) return scan(source, { columns, where, ...page, keep: query.keep });
    return collection.pick(columns, [...visible, ...where], page as object);
  });
}

/** Reads one row more to know whether another page follows. */
async function readPage<T extends object, R extends object>(
  { collection, table, visible, maximum = largestPage, unknownMarker = notFound }: ListSource<T>,
  { where, marker, limit, sort = [], reverse = false }: ListQuery,
  read: (cut: Cut) => Promise<R[]>,
): Promise<ListPage<R>> {
  const after =
    marker === undefined ? undefined : (await collection.list([...visible, isEqual(table.id, marker)], { limit: 1 }))[0];
  if (marker !== undefined && !after) throw new Fault('badRequest', { detail: unknownMarker(marker) });
  const size = Math.min(limit || maximum, maximum);
  const order = orderOf(table, { sort, reverse });
  const found = await read({ where, order, after, limit: size + 1 });
  const page = found.slice(0, size);
  const last = page.at(-1) as Key | undefined;
  const next = found.length > size && last ? String(last[table.id]) : undefined;
  return { items: reverse ? page.reverse() : page, next };
}

const columnsOf = ({ id, short = [] }: TableReading, order: Order) => [
  ...new Set([id, ...short, ...order.map(({ column }) => column)]),
];

/** The rows of these keys in their order, without those deleted meanwhile; yields to other requests between batches. */
export async function* readRows<T extends object>(
  collection: Collection<T>,
  { id, read = 50 }: TableReading,
  keys: readonly object[],
): AsyncGenerator<T[]> {
  const ids = (keys as readonly Key[]).map((key) => key[id]);
  const slice = new TimeSlice();
  const size = new BatchSize(read, mostRead);
  for (let start = 0; start < ids.length; ) {
    const some = ids.slice(start, start + size.next);
    start += some.length;
    const found = await size.during(() => collection.list({ [id]: some } as object));
    const rows = new Map(found.map((row) => [(row as Key)[id], row]));
    yield some.flatMap((each) => rows.get(each) ?? []);
    await slice.pause();
  }
}

/** Rows that were read in `quickMs` are small: the next batch has twice as many. */
class BatchSize {
  next: number;
  readonly #most: number;

  /** @param most times the first size */
  constructor(first: number, most: number) {
    this.next = first;
    this.#most = first * most;
  }

  async during<R>(read: () => Promise<R>): Promise<R> {
    const began = performance.now();
    const rows = await read();
    if (performance.now() - began < quickMs) this.next = Math.min(2 * this.next, this.#most);
    return rows;
  }
}

/** Each column once: a repeated sort key has no effect. */
function orderOf({ order }: TableReading, { sort, reverse }: { sort: Order; reverse: boolean }): Order {
  const columns = new Map<string, Order[number]>();
  for (const key of [...sort, ...order]) if (!columns.has(key.column)) columns.set(key.column, key);
  return [...columns.values()].map(({ column, descending = false }) => ({ column, descending: descending !== reverse }));
}

type Scan = Cut & { columns: readonly string[]; keep: RowTest | undefined };

/**
 * Tests the visible rows batch by batch in the order of the index, which costs the same however few match. In another
 * order, all of them are tested, and the best ones so far are kept.
 */
async function scan<T extends object>(source: ListSource<T>, request: Scan): Promise<object[]> {
  const { order, after, limit } = request;
  const isIndexed = isSame(order, source.table.order);
  const compare = compareBy(order);
  let found: Key[] = [];
  for await (const some of batches(source, { ...request, after: isIndexed ? after : undefined })) {
    found.push(...(isIndexed || !after ? some : some.filter((row) => compare(row, after as Key) > 0)));
    if (isIndexed && found.length >= limit) break;
    if (!isIndexed && found.length > 2 * limit) found = found.sort(compare).slice(0, limit);
  }
  return (isIndexed ? found : found.sort(compare)).slice(0, limit);
}

async function* batches<T extends object>(
  { collection, table: { scanned = 0, order }, visible }: ListSource<T>,
  { columns, where, after, keep }: Scan,
): AsyncGenerator<Key[]> {
  const read = [...new Set([...columns, ...order.map(({ column }) => column)])];
  const size = new BatchSize(scanned, mostTested);
  for (let last = after; ; await setImmediate()) {
    const limit = size.next;
    const rows = await size.during(() => collection.test(read, { visible, where }, { order, after: last, limit }));
    const matching = rows.flatMap(({ row, matches }) => (matches ? [row] : []));
    yield (keep && matching.length > 0 ? await keep(matching) : matching) as Key[];
    if (rows.length < limit) return;
    last = rows.at(-1)?.row;
  }
}

function isSame(order: Order, other: Order): boolean {
  return (
    order.length === other.length &&
    order.every(({ column, descending = false }, index) => {
      const key = other[index];
      return key?.column === column && (key.descending ?? false) === descending;
    })
  );
}

/** As the database sorts: NULL first. */
function compareBy(order: Order): (a: Key, b: Key) => number {
  return (a, b) => {
    for (const { column, descending } of order) {
      const result = compareValues(a[column], b[column]);
      if (result !== 0) return descending ? -result : result;
    }
    return 0;
  };
}

function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return (a as string) < (b as string) ? -1 : 1;
}
