/** One table as a collection of records: the common queries, with JSON and booleans decoded. */
import { type CompiledQuery, type Kysely, type QueryResult, sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import type { AccessChanges } from './access-changes.ts';
import { type Condition, compileAll } from './conditions.ts';
import { type AnyDatabase, type Dialect, dialectOf, type Run } from './dialect/dialect.ts';
import type { Order } from './keyset.ts';
import type { RowsOfTable } from './known-rows.ts';
import { type AnyPage, type AnyQuery, cut, filtered, type Page, type Where } from './query-parts.ts';
import { isParameter, keyIn, orderText, QueryTexts, shapeOf } from './query-texts.ts';
import { RecordCodec, type Table } from './record-codec.ts';
import type { Sealer } from './sealing.ts';

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

export type StoredRow<T> = { [K in keyof T]: string | number | boolean | null };

type Building = { readonly build: () => AnyQuery };

/** @typeParam Columns the tables that the queries of a subclass use */
// biome-ignore lint/suspicious/noExplicitAny: most queries do not depend on the columns
export abstract class Collection<T extends object, Columns = any> {
  /** Each subclass names its table. */
  static readonly table: Table;
  protected readonly db: Kysely<Columns>;
  protected readonly dialect: Dialect;
  readonly #table: Table;
  readonly #codec: RecordCodec<T>;
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
    this.#codec = new RecordCodec<T>(this.#table, sealer);
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
    return this.#codec.decode(row);
  }

  protected encode(record: object): Record<string, unknown> {
    return this.#codec.encode(record);
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
      const size = charactersOf(rows);
      return { records: this.#decoded<T>(rows), size };
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

  #filter(query: AnyQuery, where: Where<T> | readonly Condition[]): AnyQuery {
    return filtered(query, { where, dialect: this.dialect });
  }
}

/** Rows of one statement when many are inserted: few lengths, so that the texts are known. */
const chunkSizes = [50, 20, 10, 5, 2, 1];

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
