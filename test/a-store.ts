/** A migrated, empty database, and access to it beside its store: only tests may have that. */
import { sql } from 'kysely';
import type { Database } from '#store/collection.ts';
import { openConnection, openDatabase, Store } from '#store/store.ts';
import { databasesAt } from './a-postgres.ts';

export type { Database };

/** URL of a migrated, empty PostgreSQL database: the tests run on copies of it (`bin/check postgres`). */
export const templateVariable = 'TEST_DATABASE_TEMPLATE';

const databases = new WeakMap<Store, Database>();

/** @param file of the database; default: in memory, or in PostgreSQL if the tests run on it */
export async function aStore(file?: string): Promise<Store> {
  const template = process.env[templateVariable];
  if (file === undefined && template !== undefined) return await aCopy(new URL(template));
  const connection = await openConnection(file ?? ':memory:');
  return remember(new Store(connection), connection.db);
}

let copies = 0;

async function aCopy(template: URL): Promise<Store> {
  const server = databasesAt((database) => Object.assign(new URL(template), { pathname: `/${database}` }).href);
  copies += 1;
  const name = `test_${process.pid}_${copies}`;
  const db = openDatabase(await server.create(name, template.pathname.slice(1)));
  // Connected before the test replaces the clock.
  await sql`SELECT 1`.execute(db);
  const store = new Store({ db });
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await server.drop(name);
  };
  return remember(store, db);
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
