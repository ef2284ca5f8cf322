/**
 * Makes the commits of the embedded database durable outside of the event loop. SQLite's `synchronous = FULL` syncs the
 * write-ahead log within each commit, and the process does nothing meanwhile; with `NORMAL` it does not, and this class
 * does it in a thread. What SQLite syncs by itself, around a checkpoint, stays the same (sqlite.org/wal.html).
 */
import { close, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** Calls back with the error of the disk. */
export type SyncFile = (descriptor: number, done: (error: Error | null) => void) => void;

export class WalSync {
  readonly #database: DatabaseSync;
  readonly #sync: SyncFile;
  #descriptor: number | undefined;
  /** Of the sync in progress, and of one that is to follow it. */
  #running: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  /** A sync has failed: Linux may drop the pages that it could not write, and the next sync does not tell. */
  #isInDoubt = false;

  constructor(database: DatabaseSync, sync: SyncFile = fdatasync) {
    this.#database = database;
    this.#sync = sync;
  }

  /**
   * Call after each commit that wrote. Commits during a sync share the next one.
   * @returns undefined: the database is in memory. Rejects if the commit may be lost in a power cut
   */
  flush(): Promise<void> | undefined {
    if (!this.#database.location()) return undefined;
    // Never two at a time: Linux reports an error to one of them only.
    if (this.#following) return this.#following;
    if (!this.#running) return this.#begin();
    this.#following = this.#running.then(ignore, ignore).then(() => {
      this.#following = undefined;
      return this.#begin();
    });
    return this.#following;
  }

  /** When all that has been committed is durable; undefined if it is. */
  settled(): Promise<void> | undefined {
    return this.#following ?? this.#running ?? (this.#isInDoubt ? this.flush() : undefined);
  }

  async close(): Promise<void> {
    await this.settled()?.catch(ignore);
    if (this.#descriptor !== undefined) close(this.#descriptor, ignore);
    this.#descriptor = undefined;
  }

  #begin(): Promise<void> {
    const running = this.#isInDoubt ? this.#writeAnew() : this.#syncFile();
    this.#running = running;
    const ended = () => {
      if (this.#running === running) this.#running = undefined;
    };
    running.then(ended, ended);
    return running;
  }

  #syncFile(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const ended = (error: unknown) => {
      if (!error) return resolve();
      this.#isInDoubt = true;
      this.#writeAnew().then(resolve, reject);
    };
    try {
      // The log is the same file until the database is closed; other than the database, it has no POSIX locks to lose.
      this.#descriptor ??= openSync(`${this.#database.location()}-wal`, 'r');
      this.#sync(this.#descriptor, ended);
    } catch (error) {
      // Of a process with too many open files, for example: what is committed is not undone by that.
      ended(error);
    }
    return promise;
  }

  /** Copies what the log has into the database's file: those pages are written anew, so their sync tells the truth. */
  async #writeAnew(): Promise<void> {
    const result = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.['busy'] !== 0) throw Object.assign(new Error('the database cannot be written to the disk'), busy);
    this.#isInDoubt = false;
  }
}

/** As an error of SQLite's: the same may succeed later. */
const busy = { code: 'ERR_SQLITE_ERROR', errcode: 5 };

function ignore(): void {}
