/** One table as a collection of records: the common queries, with JSON and booleans decoded. */
import type { Kysely } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { type Condition, compileAll } from './conditions.ts';
import { isAfter, type Order } from './keyset.ts';
import { isSealed, type Sealer } from './sealing.ts';
import { columnKindsTable, type TableName, type Tables } from './tables.ts';

/** Equality on columns; `null` matches NULL, an array any of its values. */
export type Where<T> = { [K in keyof T]?: T[K] | readonly T[K][] };
export type Page<T> = {
  orderBy?: keyof T & string;
  descending?: boolean;
  /** Replaces `orderBy`; its last column must be unique. */
  order?: Order;
  /** Only rows after this one in that order. */
  after?: T | undefined;
  limit?: number;
};

// Kysely's builder types cannot follow a table name that is a type parameter; the casts stay inside this file.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyQuery = any;

export class Collection<T extends object> {
  readonly #db: Kysely<Tables>;
  readonly #table: TableName;
  readonly #sealer: Sealer | undefined;

  constructor(db: Kysely<Tables>, table: TableName, sealer?: Sealer) {
    this.#db = db;
    this.#table = table;
    this.#sealer = sealer;
  }

  async insert(record: object): Promise<T> {
    const query = (this.#db as AnyQuery).insertInto(this.#table).values(this.#encode(record)).returningAll();
    return this.decode(await this.#asConflict(query.executeTakeFirstOrThrow()));
  }

  async find(where: Where<T>): Promise<T | undefined> {
    const row = await this.#filter((this.#db as AnyQuery).selectFrom(this.#table).selectAll(), where).executeTakeFirst();
    return row && this.decode(row);
  }

  async list(where: Where<T> | readonly Condition[] = {}, page: Page<T> = {}): Promise<T[]> {
    const query = this.#filter((this.#db as AnyQuery).selectFrom(this.#table).selectAll(), where);
    const rows: object[] = await cut(query, page).execute();
    return rows.map((row) => this.decode(row));
  }

  /** Like `list`, but reads only these columns: for thousands of rows the cost depends on the bytes read. */
  async pick<K extends keyof T & string>(
    columns: readonly K[],
    where: Where<T> | readonly Condition[] = {},
    page: Page<Pick<T, K>> = {},
  ): Promise<Pick<T, K>[]> {
    const query = this.#filter((this.#db as AnyQuery).selectFrom(this.#table).select(columns), where);
    const rows: object[] = await cut(query, page).execute();
    return rows.map((row) => this.decode(row) as Pick<T, K>);
  }

  /** Reads these columns of the next rows, and whether each matches: the cost depends on `limit`, however few do. */
  async test(
    columns: readonly string[],
    where: readonly Condition[],
    page: { order: Order; after: object | undefined; limit: number },
  ): Promise<{ row: Partial<T>; matches: boolean }[]> {
    const query = (this.#db as AnyQuery).selectFrom(this.#table).select([...columns, compileAll(where).as('matches')]);
    const rows: { matches: unknown }[] = await cut(query, page as Page<T>).execute();
    return rows.map(({ matches, ...row }) => ({ row: this.decode(row), matches: Boolean(matches) }));
  }

  /** Updates the matching rows and returns their number, by which a claim knows whether it won. */
  async update(where: Where<T>, patch: Partial<T>): Promise<number> {
    const query = this.#filter((this.#db as AnyQuery).updateTable(this.#table).set(this.#encode(patch)), where);
    const { numUpdatedRows } = await this.#asConflict<{ numUpdatedRows: bigint }>(query.executeTakeFirst());
    return Number(numUpdatedRows);
  }

  async remove(where: Where<T>): Promise<number> {
    const { numDeletedRows } = await this.#filter((this.#db as AnyQuery).deleteFrom(this.#table), where).executeTakeFirst();
    return Number(numDeletedRows);
  }

  /**
   * Of two concurrent equal requests, the second violates the table's constraint; that becomes a conflict, as if it had
   * come later. SQLite's result codes (sqlite.org/rescode.html): 1555 primary key, 2067 unique.
   */
  async #asConflict<R>(query: Promise<R>): Promise<R> {
    try {
      return await query;
    } catch (error) {
      const { errcode, message } = error as Error & { errcode?: number };
      if (errcode !== 1555 && errcode !== 2067) throw error;
      const columns = message.replace(/^.*?: /, '').replaceAll(`${this.#table}.`, '');
      throw new Fault('conflict', { detail: `A record in ${this.#table} with the same ${columns} already exists.` }, error);
    }
  }

  /** Decodes a raw row, for queries that other files build with Kysely. */
  decode(row: object): T {
    const { json, boolean, derived, sealed = [] } = columnKindsTable[this.#table];
    const record = { ...row } as Record<string, unknown>;
    for (const column in derived) delete record[column];
    for (const column of sealed) if (isSealed(record[column])) record[column] = this.#open(record[column], column);
    for (const column of json) if (typeof record[column] === 'string') record[column] = JSON.parse(record[column]);
    for (const column of boolean) if (column in record && record[column] !== null) record[column] = Boolean(record[column]);
    return record as T;
  }

  #encode(record: object): Record<string, unknown> {
    const { json, derived = {}, sealed = [] } = columnKindsTable[this.#table];
    const row: Record<string, unknown> = { ...record };
    for (const [column, { from, derive }] of Object.entries(derived)) {
      if (row[from] !== undefined) row[column] = derive(row[from] as never);
    }
    for (const column of json) {
      if (row[column] !== undefined && row[column] !== null) row[column] = JSON.stringify(row[column]);
    }
    for (const column of sealed) {
      const text = row[column];
      if (this.#sealer && typeof text === 'string') row[column] = this.#sealer.seal(text, `${this.#table}.${column}`);
    }
    return row;
  }

  #open(value: string, column: string): string {
    const place = `${this.#table}.${column}`;
    if (!this.#sealer) throw new Fault('secretsKey', { file: 'of this database', detail: `${place} was read without it` });
    try {
      return this.#sealer.open(value, place);
    } catch (error) {
      throw new Fault(
        'secretsKey',
        { file: 'of this database', detail: `a value of ${place} is damaged or of another key` },
        error,
      );
    }
  }

  #filter(query: AnyQuery, where: Where<T> | readonly Condition[]): AnyQuery {
    if (isConditions(where)) return where.length === 0 ? query : query.where(compileAll(where));
    let filtered = query;
    for (const [column, value] of Object.entries(where)) {
      if (value === undefined) continue;
      if (value === null) filtered = filtered.where(column, 'is', null);
      else if (Array.isArray(value)) filtered = filtered.where(column, 'in', value);
      else filtered = filtered.where(column, '=', value);
    }
    return filtered;
  }
}

function isConditions(where: object | readonly Condition[]): where is readonly Condition[] {
  return Array.isArray(where);
}

function cut<T>(query: AnyQuery, page: Page<T>): AnyQuery {
  const { order = page.orderBy ? [{ column: page.orderBy, descending: page.descending === true }] : [] } = page;
  let result = query;
  for (const { column, descending } of order) result = result.orderBy(column, descending ? 'desc' : 'asc');
  if (page.after) result = result.where(isAfter(order, page.after as object));
  return page.limit === undefined ? result : result.limit(page.limit);
}
