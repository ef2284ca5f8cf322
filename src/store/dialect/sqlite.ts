/**
 * Kysely's SQLite dialect on `node:sqlite`. Kysely expects the interface of better-sqlite3, where a statement has a
 * `reader` flag for returning rows and takes its parameters as one array; `node:sqlite` has neither.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { SqliteAdapter, SqliteDialect, type SqliteStatement } from 'kysely';

/** @param file path of the database, or `:memory:` */
export function sqliteDialect(file: string): SqliteDialect {
  const database = new DatabaseSync(file);
  // EXCLUSIVE: two Ingot processes on one state folder would each believe they own its machines.
  // FULL: an acknowledged commit survives a power cut, not only a process crash.
  database.exec(`
    PRAGMA busy_timeout = 5000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON`);
  const statements = new StatementCache(database);
  return new AtomicSqliteDialect({
    database: { close: () => database.close(), prepare: (sql) => statements.get(sql) },
  });
}

/** Statements kept prepared. The queries of a request have a few dozen texts; lists of ids have one for each length. */
const preparedMax = 200;
/** Longer ones (inserts of many rows) are rarely repeated, and would keep what was last written in memory. */
const longestPrepared = 4000;

/**
 * Preparing a statement takes longer than running it: the recently used ones are kept. SQLite prepares a statement anew
 * if the schema has changed since.
 */
class StatementCache {
  readonly #database: DatabaseSync;
  /** In the order of use, the least recent first. */
  readonly #prepared = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(sql: string): SqliteStatement {
    if (sql.length > longestPrepared) return prepare(this.#database, sql);
    const statement = this.#prepared.get(sql) ?? prepare(this.#database, sql);
    this.#prepared.delete(sql);
    this.#prepared.set(sql, statement);
    if (this.#prepared.size > preparedMax) this.#prepared.delete(this.#prepared.keys().next().value as string);
    return statement;
  }
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  const statement = database.prepare(sql);
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(toSqlite)),
    run: (parameters) => {
      const { changes, lastInsertRowid } = statement.run(...parameters.map(toSqlite));
      return { changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) };
    },
    // A statement of its own, since its rows are read one by one.
    iterate: (parameters) => database.prepare(sql).iterate(...parameters.map(toSqlite)) as IterableIterator<unknown>,
  };
}

/**
 * Kysely runs migrations on SQLite one by one, outside a transaction. SQLite's DDL is transactional, so an upgrade that
 * fails or is killed leaves the former version's database.
 */
class AtomicSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class AtomicSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new AtomicSqliteAdapter();
  }
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  return value as SQLInputValue;
}
