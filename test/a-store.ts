/** A migrated, empty database, and access to it beside its store: only tests may have that. */
import type { Database } from '#store/collection.ts';
import { openConnection, Store } from '#store/store.ts';

export type { Database };

const databases = new WeakMap<Store, Database>();

/** @param file of the database; default: in memory. `store.close()` removes what is not in a file */
export async function aStore(file = ':memory:'): Promise<Store> {
  const connection = await openConnection(file);
  const store = new Store(connection);
  databases.set(store, connection.db);
  return store;
}

/** The database of a store that `aStore` made. */
export function databaseOf(store: Store): Database {
  const database = databases.get(store);
  if (!database) throw new Error('not a store of aStore()');
  return database;
}
