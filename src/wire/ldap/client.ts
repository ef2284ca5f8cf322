/**
 * A connection to a directory: one request at a time, each with a deadline by its signal. What the directory sends is
 * bounded, messages one by one and a search as a whole; referrals are not followed.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readHeader, tags } from './ber.ts';
import { LdapError, LdapResultError } from './ldap-error.ts';
import {
  bindRequest,
  type Entry,
  type Message,
  message,
  operations,
  type Page,
  type Result,
  readMessage,
  type Search,
  searchRequest,
  startTlsRequest,
  unbindRequest,
} from './messages.ts';

export type LdapAddress = {
  readonly host: string;
  readonly port: number;
  /** `tls`: from the first byte; `starttls`: asked for before anything else is sent. */
  readonly security: 'tls' | 'starttls' | 'none';
  /** Certificates of authorities, PEM; default: those of the system. */
  readonly authorities?: string | undefined;
};

/** `pageSize`: 0 = without pages. */
export type SearchLimits = { readonly entries: number; readonly pageSize: number };

/** A group of twenty thousand members has about two megabytes. */
const longestMessage = 8 * 1024 * 1024;
/** Of one search, all pages together. */
const longestReply = 64 * 1024 * 1024;
/** Seconds that the directory is told a page may take; the signal decides. */
const pageSeconds = 60;
/** For the farewell. */
const closeMs = 2_000;

/** Results that say that name or password is wrong, or that this user may not log in now; not that something is broken. */
const refusals: ReadonlySet<number> = new Set([
  ...[19, 32, 34],
  // inappropriateAuthentication, invalidCredentials, insufficientAccessRights, unwillingToPerform
  ...[48, 49, 50, 53],
]);

type Pending = { readonly id: number; take(message: Message): void; fail(error: Error): void };

export class LdapConnection {
  #socket: Socket;
  #parts: Buffer[] = [];
  #length = 0;
  /** Of the message that has begun, with its header. */
  #wanted: number | undefined;
  #lastId = 0;
  #pending: Pending | undefined;
  #failure: LdapError | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** @throws LdapError */
  static async open(address: LdapAddress, signal: AbortSignal): Promise<LdapConnection> {
    const { host, port, security } = address;
    const isTls = security === 'tls';
    const socket = isTls ? connectTls({ port, ...tlsOptions(address) }) : connectPlain({ host, port });
    await opened(socket, isTls ? 'secureConnect' : 'connect', signal);
    const connection = new LdapConnection(socket);
    if (security !== 'starttls') return connection;
    try {
      await connection.#startTls(address, signal);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Whether the directory takes the password. Without a name or a password it would succeed without any check (RFC 4513,
   * section 5.1), so neither is ever sent empty. @throws LdapError if it says neither
   */
  async checkPassword(dn: string, password: string, signal: AbortSignal): Promise<boolean> {
    if (dn === '' || password === '') return false;
    const { code, diagnostic } = await this.#ask(bindRequest(dn, password), operations.bindResult, signal);
    if (code === 0) return true;
    if (refusals.has(code)) return false;
    throw new LdapResultError('login of a user', code, diagnostic);
  }

  /** As the user of the service itself. @throws LdapError */
  async bind(dn: string, password: string, signal: AbortSignal): Promise<void> {
    if (dn === '' || password === '') throw new LdapError('a bind needs a name and a password');
    const { code, diagnostic } = await this.#ask(bindRequest(dn, password), operations.bindResult, signal);
    if (code !== 0) throw new LdapResultError("login of Ingot's own user", code, diagnostic);
  }

  /** All entries, page by page. @param deadline of each page. @throws LdapError also if there are more than the limit */
  async search(search: Search, limits: SearchLimits, deadline: () => AbortSignal): Promise<Entry[]> {
    const entries: Entry[] = [];
    let cookie: Buffer = Buffer.alloc(0);
    let bytes = 0;
    const take = (entry: Entry, length: number) => {
      bytes += length;
      if (entries.length >= limits.entries) throw new LdapError(`below ${search.base} are more than ${limits.entries} entries`);
      if (bytes > longestReply) throw new LdapError(`the entries below ${search.base} have more than ${longestReply} bytes`);
      entries.push(entry);
    };
    for (;;) {
      const page = limits.pageSize > 0 ? { size: limits.pageSize, cookie } : undefined;
      const before = entries.length;
      const result = await this.#searchPage(search, { page, count: page ? 0 : limits.entries + 1, take, signal: deadline() });
      if (result.code !== 0) throw new LdapResultError(`search below ${search.base}`, result.code, result.diagnostic);
      if (!page || !result.cookie || result.cookie.length === 0) return entries;
      if (entries.length === before) throw new LdapError('it sent an empty page and promised more');
      cookie = result.cookie;
    }
  }

  close(): void {
    if (this.#failure) return;
    this.#socket.end(message(this.#lastId + 1, unbindRequest()));
    this.#fail(new LdapError('the connection is closed'), closeMs);
  }

  async #startTls(address: LdapAddress, signal: AbortSignal): Promise<void> {
    const { code, diagnostic } = await this.#ask(startTlsRequest(), operations.extendedResult, signal);
    if (code !== 0) throw new LdapResultError('request for TLS', code, diagnostic);
    // Whoever can add to what is sent before TLS must not be heard within it: that was no answer to a request.
    if (this.#failure) throw this.#failure;
    if (this.#length > 0) throw new LdapError('it sent more than the answer before TLS began');
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const socket = connectTls({ socket: plain, ...tlsOptions(address) });
    await opened(socket, 'secureConnect', signal);
    this.#socket = socket;
    this.#listen();
  }

  async #ask(request: Buffer, expected: number, signal: AbortSignal): Promise<Result> {
    return this.#exchange(request, { signal }, (each, done) => {
      if (each.operation === expected && 'result' in each) done(each.result);
      else throw new LdapError(`it answered with a message of the kind ${each.operation}`);
    });
  }

  async #searchPage(search: Search, { page, count, take, signal }: PageRequest): Promise<Result> {
    const request = searchRequest(search, { count, seconds: pageSeconds });
    return this.#exchange(request, { signal, page }, (each, done, length) => {
      if ('entry' in each) take(each.entry, length);
      else if (each.operation === operations.searchResult && 'result' in each) done(each.result);
      else if (each.operation !== operations.reference)
        throw new LdapError(`it answered a search with a message of the kind ${each.operation}`);
    });
  }

  #exchange(request: Buffer, { signal, page }: Exchange, read: Reader): Promise<Result> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#pending) return Promise.reject(new Error('a request is under way'));
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const abort = () => this.#fail(new LdapError('it did not respond in time'));
    const end = () => {
      this.#pending = undefined;
      signal.removeEventListener('abort', abort);
    };
    const finish = (result: Result) => {
      end();
      resolve(result);
    };
    this.#pending = {
      id,
      take: (each) => read(each, finish, this.#wanted ?? 0),
      fail: (error) => {
        end();
        reject(error);
      },
    };
    if (signal.aborted) abort();
    else {
      signal.addEventListener('abort', abort, { once: true });
      this.#socket.write(message(id, request, page));
    }
    return promise;
  }

  #listen(): void {
    this.#socket
      .on('data', (data: Buffer) => this.#receive(data))
      .on('error', (error: NodeJS.ErrnoException) => this.#fail(new LdapError(reasonOf(error), { cause: error })))
      .on('close', () => this.#fail(new LdapError('it closed the connection')));
  }

  /** A message that comes in many pieces is joined once. */
  #receive(data: Buffer): void {
    this.#parts.push(data);
    this.#length += data.length;
    try {
      while (this.#isComplete()) this.#takeMessage();
    } catch (error) {
      this.#fail(error instanceof LdapError ? error : new LdapError('its message cannot be read', { cause: error }));
    }
  }

  #isComplete(): boolean {
    if (this.#failure || this.#length === 0) return false;
    if (this.#wanted === undefined) {
      this.#join();
      const header = readHeader(this.#parts[0] ?? Buffer.alloc(0));
      if (!header) return false;
      if (header.tag !== tags.sequence) throw new LdapError('it does not speak LDAP');
      this.#wanted = header.start + header.length;
      if (this.#wanted > longestMessage) throw new LdapError(`its message has more than ${longestMessage} bytes`);
    }
    return this.#length >= this.#wanted;
  }

  #join(): Buffer {
    const [first] = this.#parts;
    const all = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }

  #takeMessage(): void {
    const all = this.#join();
    const wanted = this.#wanted ?? 0;
    this.#parts = [all.subarray(wanted)];
    this.#length -= wanted;
    const each = readMessage(all.subarray(0, wanted));
    // A notice of disconnection (RFC 4511, section 4.4.1), or an answer to something else.
    if (!this.#pending || each.id !== this.#pending.id) throw new LdapError('it ended the conversation');
    this.#pending.take(each);
    this.#wanted = undefined;
  }

  /** @param graceMs for what is still to be sent */
  #fail(error: LdapError, graceMs = 0): void {
    this.#failure ??= error;
    this.#parts = [];
    this.#length = 0;
    if (graceMs === 0) this.#socket.destroy();
    else this.#socket.setTimeout(graceMs, () => this.#socket.destroy()).resume();
    this.#pending?.fail(this.#failure);
  }
}

type PageRequest = {
  readonly page: Page | undefined;
  readonly count: number;
  readonly take: (entry: Entry, length: number) => void;
  readonly signal: AbortSignal;
};
type Exchange = { readonly signal: AbortSignal; readonly page?: Page | undefined };
type Reader = (message: Message, done: (result: Result) => void, length: number) => void;

function tlsOptions({ host, authorities }: LdapAddress) {
  // An address has no server name (RFC 6066, section 3); its certificate is checked against `host` all the same.
  return { ...(isIP(host) === 0 && { servername: host }), host, ...(authorities !== undefined && { ca: authorities }) };
}

function reasonOf({ code, message: text }: NodeJS.ErrnoException): string {
  return code ?? text;
}

/** @throws LdapError; the socket is then destroyed */
function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = (error?: LdapError) => {
    signal.removeEventListener('abort', abort);
    socket.removeListener('close', closed).removeListener('error', failed);
    if (!error) return resolve();
    socket.on('error', () => {}).destroy();
    reject(error);
  };
  const abort = () => end(new LdapError('it did not respond in time'));
  const closed = () => end(new LdapError('it closed the connection'));
  const failed = (error: NodeJS.ErrnoException) => end(new LdapError(reasonOf(error), { cause: error }));
  socket
    .once(event, () => end())
    .once('close', closed)
    .once('error', failed);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return promise;
}
