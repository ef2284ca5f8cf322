/** One table as a collection of records: the common queries, with JSON and booleans decoded. */
import { type CompiledQuery, type Kysely, type QueryResult, type RawBuilder, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import type { AccessChanges } from './access-changes.ts';
import { type Condition, compileAll } from './conditions.ts';
import { type AnyDatabase, type Dialect, dialectOf, type Run } from './dialect/dialect.ts';
import { isAfter, type Order, sortedBy } from './keyset.ts';
import type { RowsOfTable } from './known-rows.ts';
import { isSealed, type Sealer } from './sealing.ts';

/** A column derived from another: written with it, and not part of the record. */
type DerivedColumn = { readonly from: string; derive(value: never): number | string | null };
/** A table, and its columns that the database stores as other types than records have. */
export type Table = {
  readonly name: string;
  /** The unique column in whose order all rows are encrypted. Default: `id`. */
  readonly key?: string;
  /** The column by whose values single rows, or the few rows of a node, are read again and again: they are kept in memory. */
  readonly keptBy?: string;
  readonly json?: readonly string[];
  readonly boolean?: readonly string[];
  /** JSON columns stored encrypted, which therefore cannot be searched. */
  readonly sealed?: readonly string[];
  readonly derived?: Readonly<Record<string, DerivedColumn>>;
};

export type Database = AnyDatabase;
/** The database as collections use it. @param sealer absent: secrets are stored in plain text, for in-memory tests */
export type Connection = {
  readonly db: Database;
  readonly sealer?: Sealer | undefined;
  /** The texts of queries that were built before. */
  readonly queries?: QueryTexts | undefined;
  readonly accessChanges?: AccessChanges | undefined;
  /** Runs queries past Kysely's executor, and so without its log. */
  readonly run?: Run | undefined;
};

/** A value that sorts before this one; NULL does not. */
export class LessThan<V> {
  readonly value: V;
  constructor(value: V) {
    this.value = value;
  }
}

/** Equality on columns; `null` matches NULL, an array any of its values. */
export type Where<T> = { [K in keyof T]?: T[K] | readonly T[K][] | LessThan<T[K]> };
/**
 * Of two concurrent equal requests, the second violates a constraint of the table: it becomes a conflict, as if it had
 * come later. Services turn it into their own error.
 */
export class UniqueViolation extends Fault {
  readonly table: string;
  readonly columns: readonly string[];

  constructor(table: string, columns: readonly string[], cause: unknown) {
    super('conflict', { detail: `A record in ${table} with the same ${columns.join(', ')} already exists.` }, cause);
    this.table = table;
    this.columns = columns;
  }
}

/** Awaits a write, and turns a violated constraint into the service's own error. */
export async function whereUnique<R>(writing: Promise<R>, faultOf: (violation: UniqueViolation) => Fault): Promise<R> {
  try {
    return await writing;
  } catch (error) {
    throw error instanceof UniqueViolation ? faultOf(error) : error;
  }
}

export type Page<T> = {
  orderBy?: keyof T & string;
  descending?: boolean;
  /** Replaces `orderBy`; its last column must be unique. */
  order?: Order;
  /** Only rows after this one in that order. */
  after?: T | undefined;
  limit?: number;
};

/** Of any record. */
type AnyPage = Omit<Page<object>, 'orderBy'> & { readonly orderBy?: string };

export type StoredRow<T> = { [K in keyof T]: string | number | boolean | null };

type Building = { readonly build: () => AnyQuery };

// Kysely's builder types cannot follow a table name that is a type parameter; the casts stay inside this file.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyQuery = any;

/** @typeParam Columns the tables that the queries of a subclass use */
// biome-ignore lint/suspicious/noExplicitAny: most queries do not depend on the columns
export abstract class Collection<T extends object, Columns = any> {
  /** Each subclass names its table. */
  static readonly table: Table;
  protected readonly db: Kysely<Columns>;
  protected readonly dialect: Dialect;
  readonly #table: Table;
  readonly #sealer: Sealer | undefined;
  readonly #queries: QueryTexts;
  readonly #accessChanges: AccessChanges | undefined;
  readonly #direct: Run | undefined;
  readonly #known: RowsOfTable | undefined;

  constructor({ db, sealer, queries = new QueryTexts(), accessChanges, run }: Connection) {
    this.db = db;
    this.#accessChanges = accessChanges;
    this.#direct = run;
    this.dialect = dialectOf(db);
    this.#table = new.target.table;
    this.#sealer = sealer;
    this.#queries = queries;
    const { name, keptBy } = this.#table;
    this.#known = keptBy === undefined ? undefined : this.dialect.direct?.known.of(name, keptBy);
  }

  async insert(record: object): Promise<T> {
    const row = this.encode(record);
    const build = () => (this.db as AnyQuery).insertInto(this.#table.name).values(row).returningAll();
    const { rows } = await this.#asConflict(this.#runWith('insert', row, { build }));
    return this.decode(rows[0] as object);
  }

  /** In order, all or none. The records have the same columns. */
  async insertAll(records: readonly object[]): Promise<void> {
    const [first] = records;
    if (!first) return;
    const columns = Object.keys(this.encode(first)).sort();
    const values = records.map((record) => this.encode(record));
    await this.#together(async (db, direct) => {
      for (const chunk of chunksOf(values)) {
        const rows = chunk.map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null])));
        const build = () => (db as AnyQuery).insertInto(this.#table.name).values(rows);
        const parameters = rows.flatMap((row) => Object.values(row));
        await this.#run(`insert ${chunk.length} ${this.#table.name} ${columns}`, { parameters, build, direct });
      }
    });
  }

  /** False if a row with the same key (or another unique value) exists; it stays as it is. */
  async insertIfAbsent(record: object): Promise<boolean> {
    const query = this.#insertion(record).onConflict((conflict: AnyQuery) => conflict.doNothing());
    const { numInsertedOrUpdatedRows } = await query.executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  /** Inserts the record, or updates the row with the same values in the columns of the key. */
  async upsert(key: readonly (keyof T & string)[], record: T): Promise<void> {
    const row = this.encode(record);
    const values = Object.fromEntries(Object.entries(row).filter(([column]) => !(key as readonly string[]).includes(column)));
    await this.#insertion(record)
      .onConflict((conflict: AnyQuery) => conflict.columns(key).doUpdateSet(values))
      .execute();
  }

  async find(where: Where<T>): Promise<T | undefined> {
    const [record] = await this.list(where);
    return record;
  }

  async list(where: Where<T> | readonly Condition[] = {}, page: Page<T> = {}): Promise<T[]> {
    const known = await this.#kept(where, page);
    return known ? known.map((record) => ({ ...record })) : this.#decoded(await this.#select('*', where, page));
  }

  /** Like `list`, but reads only these columns: for thousands of rows the cost depends on the bytes read. */
  async pick<K extends keyof T & string>(
    columns: readonly K[],
    where: Where<T> | readonly Condition[] = {},
    page: Page<Pick<T, K>> = {},
  ): Promise<Pick<T, K>[]> {
    const known = this.#knownNow(where, page);
    if (known) return known.map((record) => Object.fromEntries(columns.map((name) => [name, record[name]])) as Pick<T, K>);
    return this.#decoded(await this.#select(columns, where, page));
  }

  /** The number of matching rows. */
  async count(where: Where<T> | readonly Condition[] = {}): Promise<number> {
    const counted = sql<number>`count(*)`.as('counted');
    const { counted: count } = await this.#filter(this.#rows().select(counted), where).executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Reads these columns of the next visible rows, and whether each matches: the cost depends on `limit`. */
  async test(
    columns: readonly string[],
    { visible, where }: { visible: readonly Condition[]; where: readonly Condition[] },
    page: { order: Order; after: object | undefined; limit: number },
  ): Promise<{ row: Partial<T>; matches: boolean }[]> {
    const matches = compileAll(where, this.dialect).as('matches');
    const query = this.#filter(this.#rows().select([...columns, matches]), visible);
    const rows: { matches: unknown }[] = await cut(query, page).execute();
    return rows.map(({ matches, ...row }) => ({ row: this.decode(row), matches: Boolean(matches) }));
  }

  /**
   * Like `pick`, but as stored, for texts that are passed on as they are: JSON as text, booleans as the database has them,
   * secrets encrypted.
   */
  async stored<K extends keyof T & string>(
    columns: readonly K[],
    where: Where<T> = {},
    page: Page<Pick<T, K>> = {},
  ): Promise<StoredRow<Pick<T, K>>[]> {
    return (await this.#select(columns, where, page)) as StoredRow<Pick<T, K>>[];
  }

  /** Updates the matching rows and returns their number, by which a claim knows whether it won. */
  async update(where: Where<T>, patch: Partial<T>): Promise<number> {
    const row = this.encode(patch);
    const build = () => this.#filter((this.db as AnyQuery).updateTable(this.#table.name).set(row), where);
    const { numAffectedRows = 0n } = await this.#asConflict(this.#runWith('update', row, { build, where }));
    return Number(numAffectedRows);
  }

  async remove(where: Where<T>): Promise<number> {
    const shape = shapeOf(where);
    const build = () => this.#filter((this.db as AnyQuery).deleteFrom(this.#table.name), where);
    const text = shape && `delete ${this.#table.name}${shape.text}`;
    const { numAffectedRows = 0n } = await this.#run(text, { parameters: shape?.parameters ?? [], build });
    return Number(numAffectedRows);
  }

  /** Decodes a row that a query of a subclass has read. */
  protected decode(row: object): T {
    const { json = [], boolean = [], derived, sealed = [] } = this.#table;
    const record: Record<string, unknown> = {};
    // Copied one by one: an object of which a member was deleted is a slow one from then on.
    for (const column in row) {
      if (!derived || !Object.hasOwn(derived, column)) record[column] = (row as Record<string, unknown>)[column];
    }
    for (const column of sealed) if (isSealed(record[column])) record[column] = this.#open(record[column], column);
    for (const column of json) if (typeof record[column] === 'string') record[column] = this.#parse(record[column], column);
    for (const column of boolean) if (column in record && record[column] !== null) record[column] = Boolean(record[column]);
    return record as T;
  }

  #decoded<R = T>(rows: readonly object[]): R[] {
    return rows.map((row) => this.decode(row) as unknown as R);
  }

  /** Undefined: they are not asked for by the column by which they are kept, or only a transaction can read them. */
  #kept(where: Where<T> | readonly Condition[], page: AnyPage): Promise<readonly T[]> | readonly T[] | undefined {
    const known = this.#knownNow(where, page);
    const key = this.#known && keyIn(where, page, this.#known.key);
    if (known || key === undefined || this.db.isTransaction) return known;
    return this.#known?.read(key, orderText(page), async () => {
      const rows = await this.#select('*', where, page);
      return { records: this.#decoded<T>(rows), size: charactersOf(rows) };
    });
  }

  #knownNow(where: Where<T> | readonly Condition[], page: AnyPage): readonly T[] | undefined {
    const key = this.#known && keyIn(where, page, this.#known.key);
    return key === undefined ? undefined : (this.#known?.get(key, orderText(page)) as readonly T[] | undefined);
  }

  async #select(columns: readonly string[] | '*', where: Where<T> | readonly Condition[], page: AnyPage): Promise<object[]> {
    const build = () => {
      const rows = columns === '*' ? this.#rows().selectAll() : this.#rows().select(columns);
      return cut(this.#filter(rows, where), page);
    };
    const shape = page.after ? undefined : shapeOf(where);
    if (shape && page.limit !== undefined) shape.parameters.push(page.limit);
    const text = shape && `select ${this.#table.name} ${columns} ${shape.text}${orderText(page)}`;
    return (await this.#run(text, { parameters: shape?.parameters ?? [], build })).rows;
  }

  /** A statement whose first parameters are these columns, and its others those of a condition. */
  #runWith(verb: 'insert' | 'update', row: Record<string, unknown>, { build, where = {} }: Building & { where?: object }) {
    const shape = shapeOf(where);
    let text = shape && `${verb} ${this.#table.name}`;
    const parameters: unknown[] = [];
    for (const column in row) {
      const value = row[column];
      if (value === undefined) continue;
      text = text && isParameter(value) ? `${text} ${column}` : undefined;
      parameters.push(value);
    }
    if (shape) parameters.push(...shape.parameters);
    return this.#run(text && `${text} where${shape?.text}`, { parameters, build });
  }

  /** @param text names queries that differ only in their parameters; undefined: the query is built anew */
  async #run(
    text: string | undefined,
    { parameters, build, direct = this.#direct }: Building & { parameters: readonly unknown[]; direct?: Run | undefined },
  ) {
    const compiled: CompiledQuery = text === undefined ? build().compile() : this.#queries.get(text, () => build().compile());
    const query = text === undefined ? compiled : { ...compiled, parameters };
    if (!direct) return this.db.executeQuery<object>(query);
    try {
      return (await direct(query)) as QueryResult<object>;
    } finally {
      this.#accessChanges?.noteQuery(query);
    }
  }

  /** In one transaction, which may be the caller's. */
  #together(work: (db: Kysely<Columns>, direct: Run) => Promise<void>): Promise<void> {
    if (this.db.isTransaction) return work(this.db, this.#direct ?? ((query) => this.db.executeQuery(query)));
    return this.db
      .transaction()
      .execute((trx) => work(trx, this.dialect.direct?.ofTransaction() ?? ((query) => trx.executeQuery(query))));
  }

  #rows(): AnyQuery {
    return (this.db as AnyQuery).selectFrom(this.#table.name);
  }

  #insertion(record: object): AnyQuery {
    return (this.db as AnyQuery).insertInto(this.#table.name).values(this.encode(record));
  }

  async #asConflict<R>(query: Promise<R>): Promise<R> {
    try {
      return await query;
    } catch (error) {
      const columns = this.dialect.violatedColumns(error);
      throw columns ? new UniqueViolation(this.#table.name, columns, error) : error;
    }
  }

  protected encode(record: object): Record<string, unknown> {
    const { json = [], derived = {}, sealed = [], name } = this.#table;
    const row: Record<string, unknown> = { ...record };
    for (const [column, { from, derive }] of Object.entries(derived)) {
      if (row[from] !== undefined) row[column] = derive(row[from] as never);
    }
    for (const column of json) {
      if (row[column] !== undefined && row[column] !== null) row[column] = JSON.stringify(row[column]);
    }
    for (const column of sealed) {
      const text = row[column];
      if (this.#sealer && typeof text === 'string') row[column] = this.#sealer.seal(text, `${name}.${column}`);
    }
    return row;
  }

  /** The parser's own message would repeat the value, which may be a secret. */
  #parse(text: string, column: string): unknown {
    // Most columns of most rows.
    if (text === '{}') return {};
    if (text === '[]') return [];
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${this.#table.name}.${column} of a row is not valid JSON`);
    }
  }

  #open(value: string, column: string): string {
    const place = `${this.#table.name}.${column}`;
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
    if (isConditions(where)) return where.length === 0 ? query : query.where(compileAll(where, this.dialect));
    let filtered = query;
    for (const [column, value] of Object.entries(where)) {
      if (value === undefined) continue;
      if (value === null) filtered = filtered.where(column, 'is', null);
      else if (value instanceof LessThan) filtered = filtered.where(column, '<', value.value);
      else if (Array.isArray(value)) filtered = filtered.where(isIn(column, value));
      else filtered = filtered.where(column, '=', value);
    }
    return filtered;
  }
}

/** The texts of queries: building one takes several times as long as running it. */
export class QueryTexts {
  readonly #kept = new Map<string, CompiledQuery>();

  get(name: string, build: () => CompiledQuery): CompiledQuery {
    const known = this.#kept.get(name);
    if (known) return known;
    // Lists of ids have a text for each length.
    if (this.#kept.size >= textsMax) this.#kept.clear();
    const built = build();
    this.#kept.set(name, built);
    return built;
  }
}

const textsMax = 1000;
/** Rows of one statement when many are inserted: few lengths, so that the texts are known. */
const chunkSizes = [50, 20, 10, 5, 2, 1];
/** Longer lists of values are rare. */
const longestList = 200;

/** What distinguishes the texts of two conditions, and their parameters in order; undefined for other conditions. */
function shapeOf(where: object | readonly Condition[]): { text: string; parameters: unknown[] } | undefined {
  if (isConditions(where)) return undefined;
  let text = '';
  const parameters: unknown[] = [];
  for (const column in where) {
    const value = (where as Record<string, unknown>)[column];
    if (value === undefined) continue;
    if (value instanceof LessThan || (Array.isArray(value) && value.length > longestList)) return undefined;
    if (Array.isArray(value)) {
      text += ` ${column} ${value.length}`;
      parameters.push(...value);
    } else {
      text += value === null ? ` ${column} null` : ` ${column}`;
      if (value !== null) parameters.push(value);
    }
  }
  return { text, parameters };
}

/** The value of this column in a condition on nothing else. */
function keyIn(where: object | readonly Condition[], { limit, after }: AnyPage, column: string): string | undefined {
  if (limit !== undefined || after) return undefined;
  for (const other in where) if (other !== column) return undefined;
  const value = (where as Record<string, unknown>)[column];
  return typeof value === 'string' ? value : undefined;
}

function charactersOf(rows: readonly object[]): number {
  let size = 0;
  for (const row of rows as readonly Record<string, unknown>[]) {
    for (const column in row) {
      const value = row[column];
      if (typeof value === 'string') size += value.length;
    }
  }
  return size;
}

function* chunksOf<R>(rows: readonly R[]): Generator<readonly R[]> {
  let at = 0;
  while (at < rows.length) {
    const size = chunkSizes.find((each) => each <= rows.length - at) ?? 1;
    yield rows.slice(at, at + size);
    at += size;
  }
}

/** Neither an expression nor something else that is part of the query's text. */
function isParameter(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Uint8Array;
}

function isConditions(where: object | readonly Condition[]): where is readonly Condition[] {
  return Array.isArray(where);
}

/** PostgreSQL knows no empty list. */
function isIn(column: string, values: readonly unknown[]): RawBuilder<boolean> {
  return values.length === 0 ? sql`FALSE` : sql`${sql.ref(column)} IN (${sql.join(values)})`;
}

function orderOf({ order, orderBy, descending = false }: AnyPage): Order {
  return order ?? (orderBy ? [{ column: orderBy, descending }] : []);
}

/** What distinguishes the texts of two pages, of which neither continues another one. */
function orderText(page: AnyPage): string {
  const columns = orderOf(page).map(({ column, descending }) => ` ${column}${descending ? ' desc' : ''}`);
  return `${columns.length > 0 ? ` by${columns.join('')}` : ''}${page.limit === undefined ? '' : ' limited'}`;
}

function cut(query: AnyQuery, page: AnyPage): AnyQuery {
  const order = orderOf(page);
  const sorted = sortedBy(query, order);
  const rest = page.after ? sorted.where(isAfter(order, page.after)) : sorted;
  return page.limit === undefined ? rest : rest.limit(page.limit);
}
