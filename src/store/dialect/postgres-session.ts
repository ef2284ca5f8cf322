/**
 * The one session by which Ingot uses a PostgreSQL database. Transactions follow one another, as with the embedded
 * database, so a check and the write that depends on it cannot be separated. The session holds the lock that keeps a
 * second Ingot out: a connection that is lost takes the lock with it, and nothing is written without it.
 */
import { createRequire } from 'node:module';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import type { Client } from 'pg';
import { lazily } from '#async/lazily.ts';
import { SerialQueue } from '#async/serial-queue.ts';
import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import { withoutPassword } from '../database-address.ts';

/** Needed only where the records are in PostgreSQL. */
const pg = lazily(() => createRequire(import.meta.url)('pg') as typeof import('pg'));

/** Of this database; any number that no other program uses. */
const lockKey = '7308332044936638824';
/** The session of an Ingot that was killed lives a moment longer. */
const lockTries = 10;
const lockTryMs = 500;
const connectMs = 10_000;
/**
 * Bounds of each statement, so that a server or network that hangs, or a lock that an operator holds, does not stop
 * Ingot for ever. Parameters of the same names in the URL override them. The server's own limits come first.
 */
const limitsMs = {
  lock_timeout: 60_000,
  statement_timeout: 120_000,
  idle_in_transaction_session_timeout: 120_000,
  query_timeout: 130_000,
} as const;

export class PostgresSession implements Driver {
  readonly #url: string;
  readonly #turns = new SerialQueue();
  #connection: Promise<SessionConnection> | undefined;
  #release: (() => void) | undefined;
  #isClosed = false;

  constructor(url: string) {
    this.#url = url;
  }

  async init(): Promise<void> {}

  /** Waits for its turn; opens a new session if the last one was lost. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const release = await this.#takeTurn();
    try {
      const connection = await this.#open();
      connection.hold(true);
      this.#release = release;
      return connection;
    } catch (error) {
      release();
      throw error;
    }
  }

  async releaseConnection(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await this.#connection?.then((connection) => connection.hold(false)).catch(() => {});
    release?.();
  }

  async beginTransaction(connection: SessionConnection): Promise<void> {
    await connection.command('BEGIN');
  }

  async commitTransaction(connection: SessionConnection): Promise<void> {
    await connection.command('COMMIT');
  }

  /** Of a lost session, the server rolls back by itself. */
  async rollbackTransaction(connection: SessionConnection): Promise<void> {
    if (connection.isOpen) await connection.command('ROLLBACK');
  }

  async destroy(): Promise<void> {
    this.#isClosed = true;
    const release = await this.#takeTurn();
    try {
      const connection = await this.#connection?.catch(() => undefined);
      await connection?.end();
    } finally {
      release();
    }
  }

  #takeTurn(): Promise<() => void> {
    return new Promise((resolve) => {
      void this.#turns.run(() => new Promise<void>((release) => resolve(release)));
    });
  }

  async #open(): Promise<SessionConnection> {
    if (this.#isClosed) throw unavailable(this.#url, 'it was closed');
    const former = await this.#connection?.catch(() => undefined);
    if (former?.isOpen) return former;
    this.#connection = connect(this.#url);
    return this.#connection;
  }
}

async function connect(url: string): Promise<SessionConnection> {
  const client = newClient(url);
  const connection = new SessionConnection(client, url);
  try {
    await client.connect();
    await lock(client, url);
    return connection;
  } catch (error) {
    await connection.end();
    throw error instanceof Fault ? error : faultOf(error, url);
  }
}

function newClient(url: string): Client {
  try {
    return new (pg().Client)({
      connectionString: url,
      application_name: 'ingot',
      connectionTimeoutMillis: connectMs,
      ...limitsMs,
      keepAlive: true,
      types: { getTypeParser },
    });
  } catch {
    // The message of the parser may repeat the URL, with the password.
    throw unavailable(url, 'database.url is no valid postgresql:// URL');
  }
}

async function lock(client: Client, url: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS "isTaken"', [lockKey]);
    if (rows[0]?.isTaken === true) return;
    if (tries === lockTries) throw unavailable(url, 'another Ingot is using it');
    await pause(lockTryMs);
  }
}

class SessionConnection implements DatabaseConnection {
  readonly #client: Client;
  readonly #url: string;
  isOpen = true;

  constructor(client: Client, url: string) {
    this.#client = client;
    this.#url = url;
    client.on('error', () => this.#close());
    client.on('end', () => this.#close());
  }

  /** Only a session in use keeps the process alive. */
  hold(isInUse: boolean): void {
    if (!this.isOpen) return;
    const client = this.#client as Client & Record<'ref' | 'unref', () => void>;
    if (isInUse) client.ref();
    else client.unref();
  }

  async command(text: string): Promise<void> {
    await this.#query(text);
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { command, rowCount, rows } = await this.#query(sql, parameters);
    const isChange = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE';
    return { rows: rows as R[], ...(isChange && { numAffectedRows: BigInt(rowCount ?? 0) }) };
  }

  // biome-ignore lint/correctness/useYield: rows are never read one by one
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed from PostgreSQL');
  }

  async end(): Promise<void> {
    this.hold(true);
    this.#close();
    await this.#client.end().catch(() => {});
  }

  async #query(text: string, values: readonly unknown[] = []) {
    if (!this.isOpen) throw unavailable(this.#url, 'the connection was lost');
    try {
      return await this.#client.query(text, values.map(storable));
    } catch (error) {
      if (!isOfServer(error) || endsSession(error)) this.#abandon();
      if (isOfServer(error)) withoutValues(error);
      throw isOfServer(error) && !endsSession(error) && !isOverdue(error) ? error : faultOf(error, this.#url);
    }
  }

  /** Closes the socket, too: the server gives the lock back, and a late reply is not read. */
  #abandon(): void {
    this.#close();
    void this.#client.end().catch(() => {});
  }

  #close(): void {
    this.isOpen = false;
  }
}

type PostgresError = Error & { code?: string; detail?: string; where?: string };

/** The server rejected the statement: the error has an SQLSTATE. Otherwise the connection failed. */
export function isOfServer(error: unknown): error is PostgresError {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string';
}

/**
 * `Failing row contains (…)` and the like quote the row, which may hold secrets, and the error is logged. Of a violated
 * unique constraint the detail names its columns, and its values are names and addresses.
 */
function withoutValues(error: PostgresError): void {
  if (error.code !== '23505') delete error.detail;
  delete error.where;
}

/** SQLSTATE classes 08 (connection exception) and 57P (the server shuts down, or ended the session). */
function endsSession(error: PostgresError): boolean {
  return /^(08|57P)/.test(error.code ?? '');
}

/** SQLSTATE 57014 (query_canceled, by `statement_timeout`) and 55P03 (lock_not_available, by `lock_timeout`). */
function isOverdue({ code }: PostgresError): boolean {
  return code === '57014' || code === '55P03';
}

function faultOf(error: unknown, url: string): Fault {
  return unavailable(url, (error as Error).message || String((error as PostgresError).code), error);
}

function unavailable(url: string, detail: string, cause?: unknown): Fault {
  return new Fault('databaseUnavailable', { database: withoutPassword(url), detail }, cause);
}

/**
 * PostgreSQL has no NUL in text, and no integer above 2⁶³: no row has such a value, and a search for it finds none, or
 * compares with the largest one.
 */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  if (typeof value !== 'number' || Math.abs(value) < 2 ** 63) return value;
  return value > 0 ? largest : -largest;
}

const largest = 2n ** 63n - 1n;

/** Counts and sums are far below 2⁵³. Type numbers (pg_type): 20 bigint, 1700 numeric. */
// biome-ignore lint/suspicious/noExplicitAny: the type that pg declares
function getTypeParser(type: number, format?: any): any {
  return type === 20 || type === 1700 ? Number : pg().types.getTypeParser(type, format);
}
