/**
 * Kysely's driver of the embedded database. A commit waits for the disk, so what arrives together is committed together:
 * statements and transactions run one after the other inside one transaction of the database, each as its savepoint, and
 * none is answered before that is on the disk. What an answer says therefore survives a power cut, as if each had been
 * committed alone, and nothing is read that could be lost.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { KnownRows } from '../known-rows.ts';
import type { Direct } from './dialect.ts';
import { type SyncFile, WalSync } from './wal-sync.ts';

type Result = QueryResult<unknown>;

export type Statement = {
  /** It returns rows. */
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { changes: bigint; lastInsertRowid: bigint };
};

/** What is committed together. */
class Batch {
  readonly #end = Promise.withResolvers<void>();
  readonly #commit = Promise.withResolvers<boolean>();
  /** Something was written: otherwise nothing waits for it. */
  isWritten = false;

  constructor() {
    this.#end.promise.catch(() => {});
  }

  /** Durable. Rejects if it is not committed, or may be lost in a power cut. */
  get done(): Promise<void> {
    return this.#end.promise;
  }

  /** False: it was rolled back. */
  get committed(): Promise<boolean> {
    return this.#commit.promise;
  }

  /** @param durable undefined: it is */
  succeed(durable: Promise<void> | undefined): void {
    this.#commit.resolve(true);
    this.#end.resolve(durable);
  }

  fail(error: unknown): void {
    this.#commit.resolve(false);
    this.#end.reject(error);
  }
}

const savepoint = 'one';
/** Of these SQLite knows when they are over; others, such as VACUUM, run outside of any transaction. */
const known = /^\s*(?:select|insert|update|delete|replace|with|create|alter|drop)\b/i;
const reading = /^\s*select\b/i;
/** Turns of the queue that are over and kept. */
const spentMax = 1000;
/** Not a clock that tests replace. */
const afterEvents = setImmediate;

export class GroupCommit implements Driver {
  readonly #database: DatabaseSync;
  readonly #prepare: (sql: string) => Statement;
  readonly #wal: WalSync;
  /** Whose transaction is running. */
  #holder: Session | undefined;
  /** What waits for its end; those before `#next` have had their turn. */
  #queue: (() => void)[] = [];
  #next = 0;
  #batch: Batch | undefined;
  #abortedBy: unknown;
  /** The batch is to be committed at the end of the running transaction. */
  #isDue = false;
  /** Of the transactions that have begun. */
  #count = 0;
  #isClosed = false;
  readonly #known = new KnownRows();

  readonly direct: Direct = {
    known: this.#known,
    run: (query) => this.#execute(undefined, query),
    ofTransaction: () => {
      const holder = this.#holder;
      const number = this.#count;
      return async (query) => {
        // Its session may be that of another's transaction by now, whose part the statement would become.
        if (!this.#holder || number !== this.#count) throw new Error('the transaction of this statement is over');
        return this.#execute(holder, query);
      };
    },
  };

  constructor(database: DatabaseSync, prepare: (sql: string) => Statement, sync?: SyncFile) {
    this.#database = database;
    this.#prepare = prepare;
    this.#wal = new WalSync(database, sync);
  }

  async init(): Promise<void> {}

  /** A new one each time: what belonged to an ended transaction is in no other. */
  async acquireConnection(): Promise<DatabaseConnection> {
    return new Session((session, query) => this.#execute(session, query));
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#turn(() => {
      this.#openBatch();
      this.#run(`savepoint ${savepoint}`);
      this.#holder = connection as Session;
      this.#count += 1;
    });
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const batch = this.#batch;
    this.#run(`release ${savepoint}`);
    if (batch && (connection as Session).hasWritten) batch.isWritten = true;
    (connection as Session).hasWritten = false;
    this.#leave();
    if (batch?.isWritten) await batch.done;
    else await this.#wal.settled();
  }

  /** No effect if the database itself has rolled back, or the commit has failed. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    (connection as Session).hasWritten = false;
    if (this.#holder !== connection) return;
    try {
      if (this.#database.isTransaction) this.#database.exec(`rollback to ${savepoint}; release ${savepoint}`);
    } finally {
      this.#leave();
    }
  }

  /** What comes later fails, and so does what waits for its turn. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    this.#known.forgetAll();
    if (this.#holder) await this.rollbackTransaction(this.#holder);
    this.#commit();
    await this.#wal.close();
    this.#database.close();
  }

  async #execute(session: Session | undefined, query: CompiledQuery): Promise<Result> {
    this.#refuseIfClosed();
    if (session && this.#holder === session) {
      // In place of a statement that would be committed alone.
      if (!this.#database.isTransaction) throw this.#abortedBy;
      if (reading.test(query.sql)) return this.#run(query.sql, query.parameters);
      session.hasWritten = true;
      return this.#change(query);
    }
    if (!known.test(query.sql)) return this.#turn(() => this.#runAlone(query));
    return reading.test(query.sql) ? this.#read(query) : this.#write(query);
  }

  /** What may still be lost is not shown: it is read again if it was. */
  async #read(query: CompiledQuery): Promise<Result> {
    const read = () => ({ result: this.#run(query.sql, query.parameters), batch: this.#batch });
    const { result, batch } = this.#isFree ? read() : await this.#turn(read);
    const isCommitted = !batch?.isWritten || (await batch.committed);
    if (!isCommitted) return this.#read(query);
    const settled = this.#wal.settled();
    if (settled) await settled;
    return result;
  }

  async #write(query: CompiledQuery): Promise<Result> {
    const write = () => {
      const opened = this.#openBatch();
      const made = this.#change(query);
      opened.isWritten = true;
      return { result: made, batch: opened };
    };
    const { result, batch } = this.#isFree ? write() : await this.#turn(write);
    await batch.done;
    return result;
  }

  #runAlone(query: CompiledQuery): Result {
    this.#commit();
    return this.#change(query);
  }

  #change({ sql, parameters }: CompiledQuery): Result {
    this.#known.written(sql, parameters);
    return this.#run(sql, parameters);
  }

  /** Nothing has to wait for its turn. */
  get #isFree(): boolean {
    return !this.#holder && this.#queue.length === this.#next;
  }

  /** Runs `work` when no transaction of another is running, in the order of the calls. */
  #turn<R>(work: () => R): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    this.#queue.push(() => {
      try {
        this.#refuseIfClosed();
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
    this.#goOn();
    return promise;
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new Error('the database is closed');
  }

  #goOn(): void {
    while (!this.#holder && this.#next < this.#queue.length) this.#queue[this.#next++]?.();
    if (this.#next === 0) return;
    // Not at each turn: a thousand operations wait here at once.
    if (this.#next < this.#queue.length && this.#next < spentMax) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #leave(): void {
    this.#holder = undefined;
    if (this.#isDue) this.#commit();
    this.#goOn();
  }

  #openBatch(): Batch {
    if (this.#batch) return this.#batch;
    this.#database.exec('begin');
    this.#batch = new Batch();
    afterEvents(() => {
      if (this.#holder) this.#isDue = true;
      else this.#commit();
    });
    return this.#batch;
  }

  #commit(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    this.#isDue = false;
    if (!batch) return;
    try {
      this.#database.exec('commit');
      batch.succeed(batch.isWritten ? this.#wal.flush() : undefined);
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback');
      batch.fail(error);
    }
  }

  #run(sql: string, parameters: readonly unknown[] = []): Result {
    try {
      const statement = this.#prepare(sql);
      if (statement.reader) return { rows: statement.all(parameters) };
      const { changes, lastInsertRowid } = statement.run(parameters);
      return { numAffectedRows: changes, insertId: lastInsertRowid, rows: [] };
    } catch (error) {
      this.#noticeAbort(error);
      throw error;
    }
  }

  /** After some errors, such as a full disk, SQLite rolls the whole transaction back: all of the batch is lost. */
  #noticeAbort(error: unknown): void {
    const batch = this.#batch;
    if (!batch || this.#database.isTransaction) return;
    this.#abortedBy = error;
    this.#batch = undefined;
    this.#isDue = false;
    batch.fail(error);
  }
}

class Session implements DatabaseConnection {
  /** Of its transaction. */
  hasWritten = false;
  readonly #execute: (session: Session, query: CompiledQuery) => Promise<Result>;

  constructor(execute: (session: Session, query: CompiledQuery) => Promise<Result>) {
    this.#execute = execute;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#execute(this, query) as Promise<QueryResult<R>>;
  }

  // biome-ignore lint/correctness/useYield: it has none
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('the embedded database reads no streams');
  }
}
