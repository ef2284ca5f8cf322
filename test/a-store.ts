/** A migrated, empty database, and access to it beside its store: only tests may have that. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { Kysely, sql } from 'kysely';
import { AccessChanges } from '#store/access-changes.ts';
import type { Database } from '#store/collection.ts';
import { sqliteDialect } from '#store/dialect/sqlite.ts';
import { migrate } from '#store/migrate.ts';
import { openConnection, openDatabase, Store } from '#store/store.ts';
import { databasesAt } from './a-postgres.ts';
import { noteRestarts, noteStatements } from './noted-statements.ts';

export type { Database };

/** URL of a migrated, empty PostgreSQL database: the tests run on copies of it (`bin/check postgres`). */
export const templateVariable = 'TEST_DATABASE_TEMPLATE';

/** File with the bytes of a migrated, empty SQLite database; without it, each process runs the migrations once. */
export const imageVariable = 'TEST_DATABASE_IMAGE';

const databases = new WeakMap<Store, Database>();
const inMemoryDatabases = new WeakMap<Store, DatabaseSync>();

/** @param file of the database; default: in memory, or in PostgreSQL if the tests run on it */
export async function aStore(file?: string): Promise<Store> {
  const template = process.env[templateVariable];
  if (file === undefined && template !== undefined) return await aCopy(new URL(template));
  if (file === undefined) return inMemory(await migratedImage());
  const connection = await openConnection(file);
  return remember(new Store(connection), connection.db);
}

let image: Promise<Uint8Array> | undefined;

function migratedImage(): Promise<Uint8Array> {
  const file = process.env[imageVariable];
  image ??= file === undefined ? migrateImage() : readFile(file);
  return image;
}

/** The bytes of a migrated, empty SQLite database. */
export async function migrateImage(): Promise<Uint8Array> {
  const database = new DatabaseSync(':memory:');
  const db: Database = new Kysely({ dialect: sqliteDialect(database) });
  await migrate(db);
  const bytes = database.serialize();
  await db.destroy();
  return bytes;
}

/** Copying takes a tenth of the time that the migrations take. */
function inMemory(bytes: Uint8Array): Store {
  const database = new DatabaseSync(':memory:');
  database.deserialize(bytes);
  noteStatements(database);
  const accessChanges = new AccessChanges();
  const db: Database = new Kysely({ dialect: sqliteDialect(database), log: accessChanges.note });
  const store = remember(new Store({ db, sealer: undefined, accessChanges }), db);
  inMemoryDatabases.set(store, database);
  return store;
}

/**
 * Records what is changed in a database in memory.
 *
 * @returns a function that begins a record and returns another, which ends it: the tables with a row that is now different
 */
export function watchChanges(store: Store): () => () => string[] {
  const database = inMemoryDatabases.get(store);
  if (!database) throw new Error('not a store of aStore() in memory');
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));
  return () => {
    const session = database.createSession();
    return () => {
      const changes = Buffer.from(session.changeset());
      session.close();
      // Each table's changes begin with its name and a null byte (sqlite.org/session/intro.html).
      return changes.length === 0 ? [] : tables.filter((name) => changes.includes(`${name}\0`));
    };
  };
}

export type LastingStore = {
  readonly store: Store;
  /** Closes the database and opens it again, as the next process does. */
  restart(): Promise<Store>;
};

/** Like `aStore()`, but the database outlives its connection; removed after the test. */
export async function aLastingStore(t: TestContext): Promise<LastingStore> {
  const template = process.env[templateVariable];
  const { open, remove } = template === undefined ? await aFile() : await aDatabase(new URL(template));
  let current = await open();
  t.after(async () => {
    await current.close();
    await remove();
  });
  return {
    store: current,
    async restart() {
      await current.close();
      current = await open();
      return current;
    },
  };
}

type Place = { open: () => Promise<Store>; remove: () => Promise<void> };

async function aFile(): Promise<Place> {
  noteRestarts();
  const folder = await mkdtemp(join(tmpdir(), 'ingot-store-'));
  return {
    open: () => aStore(join(folder, 'ingot.sqlite')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function aDatabase(template: URL): Promise<Place> {
  const { url, drop } = await copyOf(template);
  return { open: () => connect(url), remove: drop };
}

async function aCopy(template: URL): Promise<Store> {
  const { url, drop } = await copyOf(template);
  const store = await connect(url);
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await drop();
  };
  return store;
}

let copies = 0;

async function copyOf(template: URL): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = databasesAt((database) => Object.assign(new URL(template), { pathname: `/${database}` }).href);
  copies += 1;
  const name = `test_${process.pid}_${copies}`;
  return { url: await server.create(name, template.pathname.slice(1)), drop: () => server.drop(name) };
}

async function connect(url: string): Promise<Store> {
  const db = openDatabase(url);
  // Connected before the test replaces the clock.
  await sql`SELECT 1`.execute(db);
  return remember(new Store({ db }), db);
}

function remember(store: Store, db: Database): Store {
  databases.set(store, db);
  return store;
}

/** The database of a store that `aStore` made. */
export function databaseOf(store: Store): Database {
  const database = databases.get(store);
  if (!database) throw new Error('not a store of aStore()');
  return database;
}
