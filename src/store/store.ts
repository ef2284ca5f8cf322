/**
 * The database: one collection per kind of record. Any part may read; only the engine changes nodes and
 * servers.
 */
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { Fault } from '#domain/faults.ts';
import { AccessChanges } from './access-changes.ts';
import type { Connection, Database } from './collection.ts';
import { isPostgresUrl, secretsKeyFile } from './database-address.ts';
import { dialectOf } from './dialect/dialect.ts';
import { postgresDialect } from './dialect/postgres.ts';
import { sqliteDialect } from './dialect/sqlite.ts';
import { EventLog, EventsOfTransaction } from './event-log.ts';
import { migrate } from './migrate.ts';
import { nouns } from './nouns.ts';
import { QueryTexts } from './query-texts.ts';
import { openSealer } from './secrets-key.ts';
import { keepPrivate } from './state-folder.ts';
import { Events } from './tables/events.ts';

type Nouns = { readonly [Name in keyof typeof nouns]: InstanceType<(typeof nouns)[Name]> };

/** One collection for each noun, under its name, made when it is first used: a transaction uses few of them. */
const Collections = class Collections {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  static {
    for (const [name, Noun] of Object.entries(nouns)) {
      Object.defineProperty(Collections.prototype, name, {
        get(this: Collections) {
          const value = new Noun(this.#connection);
          Object.defineProperty(this, name, { value });
          return value;
        },
      });
    }
  }
} as unknown as new (
  connection: Connection,
) => Nouns;

export class Store extends Collections {
  readonly events: EventLog;
  readonly #connection: Connection;

  constructor(given: Connection, events = new EventLog(new Events(given))) {
    const run = given.run ?? (given.db.isTransaction ? undefined : dialectOf(given.db).direct?.run);
    const connection = { ...given, run, queries: given.queries ?? new QueryTexts() };
    super(connection);
    this.#connection = connection;
    this.events = events;
  }

  /**
   * Runs `work` in one transaction, which is the caller's if this store is already in one. It must use the given store
   * and await only the database: there is one writer, so a slow transaction blocks all others.
   */
  async transaction<R>(work: (trx: Store) => Promise<R>): Promise<R> {
    const { db, ...rest } = this.#connection;
    if (db.isTransaction) return work(this);
    const before = this.accessRevision;
    const events = new EventsOfTransaction(this.events);
    try {
      const result = await db.transaction().execute((trx) => {
        const run = dialectOf(trx).direct?.ofTransaction();
        return work(new Store({ ...rest, db: trx, run }, events));
      });
      events.committed();
      return result;
    } finally {
      if (this.accessRevision !== before) this.#connection.accessChanges?.count();
    }
  }

  /** The database is the cause of the error: the same may succeed later. Any other error occurs again. */
  hasFailed(error: unknown): boolean {
    if (error instanceof Fault) return error.code === 'databaseUnavailable';
    return error instanceof Error && dialectOf(this.#connection.db).hasFailed(error);
  }

  /** Another one after each write that may change what a token permits. NaN: unknown. */
  get accessRevision(): number {
    return this.#connection.accessChanges?.revision ?? Number.NaN;
  }

  /** Calls `listener` soon after writes to these tables, made by this process. @returns an unsubscribe function */
  onWrite(tables: readonly (keyof Nouns)[], listener: () => void): () => void {
    return this.#connection.accessChanges?.listen(tables, listener) ?? (() => {});
  }

  /** Returns free pages to the file system. Rewrites the whole file, and blocks everything else meanwhile. */
  async shrink(): Promise<void> {
    await dialectOf(this.#connection.db).rewrite(this.#connection.db);
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.#connection.db.destroy();
  }
}

/**
 * @param address of a PostgreSQL database, which is opened at the first query, or a path, or `:memory:` for tests. One
 * process at a time: a second one gets `stateFolder` or `databaseUnavailable`
 */
export function openDatabase(address: string, { note }: AccessChanges = new AccessChanges()): Database {
  if (isPostgresUrl(address)) return new Kysely({ dialect: postgresDialect(address), log: note });
  try {
    if (address !== ':memory:') keepPrivate(address);
    return new Kysely({ dialect: sqliteDialect(address), log: note });
  } catch (error) {
    throw fileFault(address, error as Error);
  }
}

/** SQLite's result codes (sqlite.org/rescode.html): 5 busy, 6 locked. */
function fileFault(file: string, error: Error & { errcode?: number }): Fault {
  const isTaken = error.errcode === 5 || error.errcode === 6;
  const detail = isTaken ? 'another Ingot is using it' : `its database does not open: ${error.message}`;
  return new Fault('stateFolder', { path: dirname(file), detail }, error);
}

/**
 * Opens and migrates the database.
 * @param keyFile file of the encryption key; default: beside the database file. Throws `secretsKey` if it is missing or wrong
 */
export async function openStore(address: string, keyFile?: string): Promise<Store> {
  return new Store(await openConnection(address, keyFile));
}

/** The same, without a store around it: for tests. */
export async function openConnection(address: string, keyFile = secretsKeyFile('', dirname(address))): Promise<Connection> {
  const accessChanges = new AccessChanges();
  const db = openDatabase(address, accessChanges);
  try {
    await migrate(db);
    return { db, sealer: address === ':memory:' ? undefined : await openSealer(db, keyFile), accessChanges };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Only migrates the database. @returns the names of the migrations that ran */
export async function syncSchema(address: string): Promise<string[]> {
  const db = openDatabase(address);
  try {
    return await migrate(db);
  } finally {
    await db.destroy();
  }
}
