/**
 * Kysely's SQLite dialect on `node:sqlite`. Kysely expects the interface of better-sqlite3, where a statement has a
 * `reader` flag for returning rows and takes its parameters as one array; `node:sqlite` has neither.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { SqliteAdapter, SqliteDialect } from 'kysely';

/** @param file path of the database, or `:memory:` */
export function sqliteDialect(file: string): SqliteDialect {
  const database = new DatabaseSync(file);
  // EXCLUSIVE: two Ingot processes on one state folder would each believe they own its machines.
  // FULL: an acknowledged commit survives a power cut, not only a process crash.
  database.exec(`
    PRAGMA busy_timeout = 5000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON`);
  return new AtomicSqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql: string) {
        const statement = database.prepare(sql);
        return {
          reader: statement.columns().length > 0,
          all: (parameters: readonly unknown[]) => statement.all(...parameters.map(toSqlite)),
          run: (parameters: readonly unknown[]) => {
            const { changes, lastInsertRowid } = statement.run(...parameters.map(toSqlite));
            return { changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) };
          },
          iterate: (parameters: readonly unknown[]) => statement.iterate(...parameters.map(toSqlite)),
        };
      },
    },
  });
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
