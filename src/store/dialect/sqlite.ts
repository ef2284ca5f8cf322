/**
 * Kysely's SQLite dialect on `node:sqlite`, with a driver of our own (group-commit.ts). A statement has a `reader` flag for
 * returning rows and takes its parameters as one array, as in better-sqlite3; `node:sqlite` has neither.
 */
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import {
  type Driver,
  type Dialect as KyselyDialect,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import type { AnyDatabase, Dialect, JsonValue } from './dialect.ts';
import { GroupCommit, type Statement } from './group-commit.ts';
import type { SyncFile } from './wal-sync.ts';

/**
 * @param source path of the database, `:memory:`, or an open database
 * @param sync of a file's data, in another thread; tests replace it
 */
export function sqliteDialect(source: string | DatabaseSync, sync?: SyncFile): KyselyDialect {
  const database = typeof source === 'string' ? new DatabaseSync(source) : source;
  // EXCLUSIVE: two Ingot processes on one state folder would each believe they own its machines.
  // NORMAL: wal-sync.ts syncs each commit, so that an acknowledged one survives a power cut, not only a process crash.
  // 8 MB of pages: with the 2 MB of SQLite's default, a thousand deployments read the same pages of indexes again and again.
  database.exec(`
    PRAGMA busy_timeout = 5000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -8000`);
  const statements = new StatementCache(database);
  return new AtomicSqliteDialect(new GroupCommit(database, (sql) => statements.get(sql), sync));
}

/** Statements kept prepared. The queries of a request have a few dozen texts; lists of ids have one for each length. */
const preparedMax = 200;
/** Longer ones (inserts of many rows) are rarely repeated, and would keep what was last written in memory. */
const longestPrepared = 4000;

const readsOrWritesRows = /^\s*(?:select|insert|update|delete|with)\b/i;

/**
 * Preparing a statement takes longer than running it: the recently used ones are kept. SQLite prepares a statement anew
 * if the schema has changed since.
 */
class StatementCache {
  readonly #database: DatabaseSync;
  /** In the order of use, the least recent first. */
  readonly #prepared = new Map<string, Statement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(sql: string): Statement {
    // Statements kept from before would go on with the names of the former columns.
    if (!readsOrWritesRows.test(sql)) this.#prepared.clear();
    if (sql.length > longestPrepared) return prepare(this.#database, sql);
    const statement = this.#prepared.get(sql) ?? prepare(this.#database, sql);
    this.#prepared.delete(sql);
    this.#prepared.set(sql, statement);
    if (this.#prepared.size > preparedMax) this.#prepared.delete(this.#prepared.keys().next().value as string);
    return statement;
  }
}

function prepare(database: DatabaseSync, sql: string): Statement {
  const statement = database.prepare(sql);
  const names = statement.columns().map(({ name }) => name);
  // Objects of `node:sqlite` have no prototype, for which V8 keeps their members in a hash table: arrays cost two thirds.
  statement.setReturnArrays(true);
  const empty = Object.fromEntries(names.map((name) => [name, null]));
  return {
    reader: names.length > 0,
    all: (parameters) =>
      (statement.all(...parameters.map(toSqlite)) as unknown as SQLOutputValue[][]).map((values) => rowOf(empty, names, values)),
    run: (parameters) => {
      const { changes, lastInsertRowid } = statement.run(...parameters.map(toSqlite));
      return { changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) };
    },
  };
}

/** A copy of an object with these names has room for all of them from the start. */
function rowOf(empty: object, names: readonly string[], values: readonly SQLOutputValue[]): object {
  const row: Record<string, unknown> = { ...empty };
  for (let index = 0; index < names.length; index++) row[names[index] as string] = values[index];
  return row;
}

const isAnyOf = (expression: string, values: readonly JsonValue[]): RawBuilder<boolean> => {
  const value = sql.ref(expression);
  const known = values.filter((each) => each !== null);
  const isNull = known.length < values.length ? sql`${value} IS NULL` : sql`FALSE`;
  return known.length === 0 ? sql`${isNull}` : sql`(${value} IN (${sql.join(known)}) OR ${isNull})`;
};

/** Result codes: sqlite.org/rescode.html. */
const [primaryKeyViolated, uniqueViolated] = [1555, 2067];
/** The low byte of a result code is its kind. 1811: a trigger, which only an operator can have added. */
const [constraint, constraintTrigger] = [19, 1811];

export const sqlite: Dialect = {
  name: 'sqlite',
  violatedColumns(error) {
    const { errcode, message } = error as Error & { errcode?: number };
    if (errcode !== primaryKeyViolated && errcode !== uniqueViolated) return undefined;
    // `UNIQUE constraint failed: keypairs.user_id, keypairs.name`
    return message
      .replace(/^.*?: /, '')
      .split(', ')
      .map((column) => column.replace(/^.*\./, ''));
  },
  hasFailed(error) {
    const { code, errcode = 0 } = error as Error & { code?: string; errcode?: number };
    return code === 'ERR_SQLITE_ERROR' && ((errcode & 0xff) !== constraint || errcode === constraintTrigger);
  },
  hasItem: (column, values) =>
    sql`EXISTS (SELECT 1 FROM json_each(${sql.ref(column)}) AS item WHERE ${isAnyOf('item.value', values)})`,
  hasItemWith: (column, key, values) =>
    sql`EXISTS (SELECT 1 FROM json_each(${sql.ref(column)}) AS item, json_each(item.value) AS member
      WHERE member.key = ${key} AND ${isAnyOf('member.value', values)})`,
  hasMember: (column, key, values) =>
    sql`EXISTS (SELECT 1 FROM json_each(${sql.ref(column)}) AS member
      WHERE member.key = ${key} AND ${isAnyOf('member.value', values)})`,
  finishSchema: async () => {},
  async rewrite(db) {
    await sql`VACUUM`.execute(db);
    await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
  },
  async counters(db) {
    const { rows } = await sql<{ name: string; seq: number }>`SELECT name, seq FROM sqlite_sequence`.execute(db);
    return new Map(rows.map(({ name, seq }) => [name, seq]));
  },
  async countOn(db, counters) {
    for (const [table, last] of counters) {
      await sql`DELETE FROM sqlite_sequence WHERE name = ${table}`.execute(db);
      await sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${last})`.execute(db);
    }
  },
  async overwriteSecurely(db) {
    await sql`PRAGMA secure_delete = ON`.execute(db);
  },
};

/**
 * Kysely runs migrations on SQLite one by one, outside a transaction. SQLite's DDL is transactional, so an upgrade that
 * fails or is killed leaves the former version's database.
 */
class AtomicSqliteAdapter extends SqliteAdapter {
  readonly dialect: Dialect;

  constructor(driver: GroupCommit) {
    super();
    this.dialect = { ...sqlite, direct: driver.direct };
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class AtomicSqliteDialect implements KyselyDialect {
  readonly #driver: GroupCommit;

  constructor(driver: GroupCommit) {
    this.#driver = driver;
  }

  createDriver(): Driver {
    return this.#driver;
  }

  createAdapter(): SqliteAdapter {
    return new AtomicSqliteAdapter(this.#driver);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: AnyDatabase): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  return value as SQLInputValue;
}
