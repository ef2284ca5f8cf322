/**
 * An in-memory database that outlives the Ingot that uses it: a process can be killed before any statement or after any
 * commit, and writes can be refused as by a full disk.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type DatabaseConnection, type Dialect, type Driver, Kysely } from 'kysely';
import { sqliteDialect } from '#store/dialect/sqlite.ts';
import { migrate } from '#store/migrate.ts';
import { QueryTexts } from '#store/query-texts.ts';
import { Store } from '#store/store.ts';

/** SQLITE_FULL. */
class DatabaseError extends Error {
  readonly code = 'ERR_SQLITE_ERROR';
  readonly errcode = 13;
}

export type Fate = 'go on' | 'refuse' | 'die';
/** Asked before each statement that writes, and before and after each commit. */
export type OnWrite = (sql: string) => Fate;

/** One process's access. */
export class ProcessAccess {
  isDead = false;
  /** What was not committed is lost. */
  lose: () => void = () => {};
  /** Statements so far that write. */
  writes = 0;
  readonly #onWrite: OnWrite;
  readonly #died: () => void;

  constructor(onWrite: OnWrite, died: () => void) {
    this.#onWrite = onWrite;
    this.#died = died;
  }

  kill(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.lose();
    this.#died();
  }

  check(sql: string, writes: boolean): void {
    if (writes) this.writes += 1;
    if (!this.isDead && writes) {
      const fate = this.#onWrite(sql);
      if (fate === 'refuse') throw new DatabaseError('database or disk is full');
      if (fate === 'die') this.kill();
    }
    if (this.isDead) throw new DatabaseError('the process was killed');
  }
}

/** Of all runs: building a query takes longer than running it. */
const queries = new QueryTexts();

export class CrashingDatabase {
  readonly raw: DatabaseSync;
  readonly #driver: Promise<Driver>;
  readonly #dialect: Dialect;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(template: Uint8Array) {
    this.raw = new DatabaseSync(':memory:');
    this.raw.deserialize(template);
    this.raw.exec('PRAGMA foreign_keys = ON');
    this.#dialect = sqliteDialect(this.raw);
    const driver = this.#dialect.createDriver();
    this.#driver = driver.init().then(() => driver);
  }

  open(access: ProcessAccess): Store {
    const { createAdapter, createQueryCompiler, createIntrospector } = bound(this.#dialect);
    const createDriver = () => new CrashingDriver(this.#driver, access);
    access.lose = () => this.raw.isTransaction && this.raw.exec('rollback');
    const db = new Kysely<unknown>({ dialect: { createAdapter, createQueryCompiler, createIntrospector, createDriver } });
    return new Store({ db, queries });
  }

  /** Beside Ingot. */
  read<T>(sql: string, ...parameters: SQLInputValue[]): T[] {
    const statement = this.#prepared.get(sql) ?? this.raw.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement.all(...parameters) as unknown as T[];
  }

  close(): void {
    this.raw.close();
  }
}

function bound(dialect: Dialect): Pick<Dialect, 'createAdapter' | 'createQueryCompiler' | 'createIntrospector'> {
  return {
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  };
}

/** A migrated, empty database, to be copied. */
export async function migratedTemplate(): Promise<Uint8Array> {
  const raw = new DatabaseSync(':memory:');
  const db = new Kysely<unknown>({ dialect: sqliteDialect(raw) });
  await migrate(db);
  const template = raw.serialize();
  await db.destroy();
  return template;
}

/** Kysely's driver of the process: the database's own, which a killed process no longer reaches. */
class CrashingDriver implements Driver {
  readonly #inner: Promise<Driver>;
  readonly #access: ProcessAccess;

  constructor(inner: Promise<Driver>, access: ProcessAccess) {
    this.#inner = inner;
    this.#access = access;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await (await this.#inner).acquireConnection();
    return new CrashingConnection(inner, this.#access);
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await (await this.#inner).releaseConnection((connection as CrashingConnection).inner);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    this.#access.check('begin', false);
    await (await this.#inner).beginTransaction((connection as CrashingConnection).inner, {});
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    this.#access.check('commit', true);
    await (await this.#inner).commitTransaction((connection as CrashingConnection).inner);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (await this.#inner).rollbackTransaction((connection as CrashingConnection).inner);
  }

  async destroy(): Promise<void> {}
}

const writing = /^\s*(?:insert|update|delete|replace)/i;

class CrashingConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection;
  readonly #access: ProcessAccess;

  constructor(inner: DatabaseConnection, access: ProcessAccess) {
    this.inner = inner;
    this.#access = access;
  }

  executeQuery: DatabaseConnection['executeQuery'] = (query) => {
    this.#access.check(query.sql, writing.test(query.sql));
    return this.inner.executeQuery(query);
  };

  streamQuery: DatabaseConnection['streamQuery'] = (query, chunkSize) => {
    this.#access.check(query.sql, false);
    return this.inner.streamQuery(query, chunkSize);
  };
}
