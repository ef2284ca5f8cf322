/** What the databases do differently. Everything else is written once, in SQL that both know. */
import type { CompiledQuery, Kysely, QueryResult, RawBuilder } from 'kysely';
import type { KnownRows } from '../known-rows.ts';

export type JsonValue = string | number | boolean | null;

/** Runs a query that was compiled before. */
export type Run = (query: CompiledQuery) => Promise<QueryResult<unknown>>;

/** The way past Kysely's executor, whose layers cost several times as much as a short query of the embedded database. */
export type Direct = {
  readonly known: KnownRows;
  /** For statements outside of transactions. */
  readonly run: Run;
  /** For those of the transaction that has just begun. */
  ofTransaction(): Run;
};

export type Dialect = {
  readonly name: 'sqlite' | 'postgres';
  readonly direct?: Direct;
  /** The columns of the unique constraint that a statement violated; undefined: the error is another one. */
  violatedColumns(error: unknown): readonly string[] | undefined;
  /** The database failed, so that the same statement may succeed later: it did not refuse the statement's values. */
  hasFailed(error: unknown): boolean;
  /** The column is a JSON array and has one of the values as an item. */
  hasItem(column: string, values: readonly JsonValue[]): RawBuilder<boolean>;
  /** The column is a JSON array of objects, one of which has one of the values under this key. */
  hasItemWith(column: string, key: string, values: readonly JsonValue[]): RawBuilder<boolean>;
  /** The column is a JSON object and has one of the values under this key. */
  hasMember(column: string, key: string, values: readonly JsonValue[]): RawBuilder<boolean>;
  /** Called after the migrations. */
  finishSchema(db: AnyDatabase): Promise<void>;
  /** Rewrites all tables, so that no deleted or overwritten value remains on the disk, and frees the space. */
  rewrite(db: AnyDatabase): Promise<void>;
  /** The last id that was given out by the counter of each table that has one: ids are not given out again. */
  counters(db: AnyDatabase): Promise<ReadonlyMap<string, number>>;
  /** Continues the counters from these ids. */
  countOn(db: AnyDatabase, counters: ReadonlyMap<string, number>): Promise<void>;
  /** From now on, overwritten values leave no copy. */
  overwriteSecurely(db: AnyDatabase): Promise<void>;
};

// biome-ignore lint/suspicious/noExplicitAny: no query here depends on the columns
export type AnyDatabase = Kysely<any>;

/** An adapter of Kysely that names its dialect. */
export type DialectAdapter = { readonly dialect: Dialect };

export function dialectOf(db: AnyDatabase): Dialect {
  return (db.getExecutor().adapter as unknown as DialectAdapter).dialect;
}
