import { createRequire } from 'node:module';
import type { Answered, Session, User, Varbind } from 'net-snmp';
import { lazily } from '#async/lazily.ts';
import type { Datagrams } from '../udp/datagrams.ts';
import { createDesPrivacy } from './des-privacy.ts';
import { GuardedSocket } from './guarded-socket.ts';
import { SnmpError } from './snmp-error.ts';
import { defaultTimings, longestWait, type SnmpCredentials, type SnmpPeer, type SnmpTimings } from './snmp-peer.ts';

/** Large, and needed only where a PDU is asked. */
const library = lazily(() => createRequire(import.meta.url)('net-snmp') as typeof import('net-snmp').default);

/** Values of a PDU's objects: numbers, or the identifier of another object. `null` = no such object. */
export type SnmpValue = number | string | null;

/**
 * One agent. Sessions stay open and are recreated after each failure that they may have caused (the peer restarted,
 * or its address changed). The caller sends one request at a time.
 */
export type SnmpClient = {
  /** Values in the order of `oids`. */
  get(oids: readonly string[], signal?: AbortSignal): Promise<SnmpValue[]>;
  /** Writes one INTEGER. `once`: the packet is not retried, for commands that must not be executed twice. */
  set(oid: string, value: number, options?: WriteOptions): Promise<void>;
  close(): void;
};

type Access = 'read' | 'write';

export type SnmpNetwork = { readonly datagrams: Datagrams; readonly timings?: SnmpTimings };

export function openSnmpClient(peer: SnmpPeer, network: SnmpNetwork): SnmpClient {
  return new Client(peer, network);
}

type Send = (session: Session, answered: Answered) => void;

class Client implements SnmpClient {
  readonly #peer: SnmpPeer;
  readonly #datagrams: Datagrams;
  readonly #timings: SnmpTimings;
  readonly #sessions = new Map<string, Promise<Session>>();
  #isClosed = false;

  constructor(peer: SnmpPeer, { datagrams, timings = defaultTimings }: SnmpNetwork) {
    this.#peer = peer;
    this.#datagrams = datagrams;
    this.#timings = timings;
  }

  async get(oids: readonly string[], signal?: AbortSignal): Promise<SnmpValue[]> {
    const send: Send = (session, answered) => void session.get([...oids], answered);
    const varbinds = await again(() => this.#exchange('read', send, { signal }));
    return varbinds.map(readValue);
  }

  async set(oid: string, value: number, { once = false, signal }: WriteOptions = {}): Promise<void> {
    const varbind = { oid, type: library().ObjectType['Integer'], value };
    const send: Send = (session, answered) => void session.set([varbind], answered);
    // Safe to repeat: the peer did not execute a message outside its time window.
    await again(() => this.#exchange('write', send, { signal, ...(once && { retries: 0 }) }));
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  async #exchange(access: Access, send: Send, options: SendOptions): Promise<Varbind[]> {
    options.signal?.throwIfAborted();
    const timings = this.#timings;
    try {
      const session = await this.#session(access);
      return await ask(session, send, { retries: timings.retries, deadline: deadlineOf(timings), ...options });
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      const failure = this.#isClosed ? new SnmpError('closed', 'the client was closed') : toSnmpError(error);
      if (failure.failure !== 'answered' && failure.failure !== 'privilege') this.#drop();
      throw failure;
    }
  }

  #session(access: Access): Promise<Session> {
    const name = sessionName(this.#peer.credentials, access);
    const opening =
      this.#sessions.get(name) ?? openSession(this.#peer, access, { timings: this.#timings, datagrams: this.#datagrams });
    this.#sessions.set(name, opening);
    return opening;
  }

  #drop(): void {
    for (const opening of this.#sessions.values()) void opening.then((session) => session.close()).catch(() => {});
    this.#sessions.clear();
  }
}

type WriteOptions = { readonly once?: boolean; readonly signal?: AbortSignal | undefined };
type SendOptions = { readonly retries?: number; readonly deadline?: number; readonly signal?: AbortSignal | undefined };

/** Milliseconds. The first request with version 3 takes three exchanges: engine, time, and the request itself. */
function deadlineOf(timings: SnmpTimings): number {
  return 3 * longestWait(timings) * 1000 + 100;
}

/**
 * A peer whose clock (RFC 3414 section 2.3) went back has restarted without counting the boot, and a peer with
 * another engine id is a different one: a new session discovers the current values.
 */
async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SnmpError && error.message === outsideWindow) return await work();
    throw error;
  }
}

const outsideWindow = 'its clock or engine id keeps changing';

async function ask(
  session: Session,
  send: (session: Session, answered: Answered) => void,
  { retries = 0, deadline, signal }: SendOptions,
): Promise<Varbind[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Varbind[]>();
  const giveUp = () => session.cancelRequests(signal?.reason);
  session.retries = retries;
  // The library forgets a request, including its timer, when the response makes it throw.
  const timer = setTimeout(() => reject(new SnmpError('unfit', 'answers that cannot be read')), deadline);
  signal?.addEventListener('abort', giveUp, { once: true });
  send(session, (error, varbinds) => (error ? reject(error) : resolve(varbinds ?? [])));
  return await promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  });
}

type Opening = { readonly timings: SnmpTimings; readonly datagrams: Datagrams };

async function openSession(peer: SnmpPeer, access: Access, { timings, datagrams }: Opening): Promise<Session> {
  const { credentials } = peer;
  const socket = await GuardedSocket.connect(peer, levelOf(credentials), datagrams);
  const options = { ...timings, port: peer.port, reportOidMismatchErrors: true, dgramModule: { createSocket: () => socket } };
  const session =
    credentials.version === '3'
      ? library().createV3Session(peer.address, userOf(credentials), { ...options, context: credentials.context })
      : library().createSession(peer.address, credentials[access], {
          ...options,
          version: credentials.version === '1' ? library().Version1 : library().Version2c,
        });
  // A packet that is not SNMP; without a listener it would end the process. The request keeps waiting.
  session.on('error', () => {});
  return session;
}

function sessionName(credentials: SnmpCredentials, access: Access): string {
  return credentials.version === '3' || credentials.read === credentials.write ? 'both' : access;
}

type V3 = Extract<SnmpCredentials, { version: '3' }>;

function levelOf(credentials: SnmpCredentials): { auth: 0 | 1; priv: 0 | 1 } {
  if (credentials.version !== '3' || credentials.auth.protocol === 'none') return { auth: 0, priv: 0 };
  return { auth: 1, priv: credentials.priv.protocol === 'none' ? 0 : 1 };
}

/** The library's names of the two ways to extend a key to 256 bits. */
const privName = { none: 'none', des: 'des', aes: 'aes', aes256: 'aes256r', aes256blmt: 'aes256b' } as const;

function userOf(credentials: V3): User {
  const { auth, priv } = levelOf(credentials);
  const { Encryption, Authentication, PrivProtocols } = library();
  Encryption.algorithms[PrivProtocols['des'] ?? 0] = createDesPrivacy(Authentication.passwordToKey);
  return {
    name: credentials.user,
    level: library().SecurityLevel[priv ? 'authPriv' : auth ? 'authNoPriv' : 'noAuthNoPriv'] ?? 0,
    ...(auth && { authProtocol: library().AuthProtocols[credentials.auth.protocol], authKey: credentials.auth.key }),
    ...(priv && { privProtocol: library().PrivProtocols[privName[credentials.priv.protocol]], privKey: credentials.priv.key }),
  };
}

function readValue({ type, value }: Varbind): SnmpValue {
  const { NoSuchObject, NoSuchInstance, EndOfMibView, OID } = library().ObjectType;
  if (type === NoSuchObject || type === NoSuchInstance || type === EndOfMibView) return null;
  if (typeof value === 'number') return value;
  if (type === OID && typeof value === 'string') return value;
  throw new SnmpError('unfit', `a value of type ${type}, which is neither a number nor an identifier`);
}

function toSnmpError(error: unknown): SnmpError {
  if (error instanceof SnmpError) return error;
  if (error instanceof library().RequestTimedOutError) return new SnmpError('silent', 'no answer in time');
  if (error instanceof library().RequestFailedError) return ofStatus(error.status);
  if (error instanceof library().ResponseInvalidError) return ofCode(error.code, error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  return new SnmpError(code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'silent' : 'unfit', message);
}

/** RFC 3416 section 3; version 1 returns noSuchName where later versions return the value noSuchObject. */
function ofStatus(status: number): SnmpError {
  const name = String(library().ErrorStatus[status] ?? status);
  if (name === 'NoSuchName') return new SnmpError('absent', name);
  return new SnmpError(privilegeStatuses.includes(name) ? 'privilege' : 'answered', name);
}

/** NotWritable is not among them: it is also that of an object that does not exist. */
const privilegeStatuses: readonly string[] = ['NoAccess', 'AuthorizationError'];

function ofCode(code: number, message: string): SnmpError {
  const { EAuthFailure, ECouldNotDecrypt, ENotInTimeWindow } = library().ResponseInvalidCode;
  // The second two come from a report, which is unsigned, so they must not count as a rejected key.
  if (code === ENotInTimeWindow || /^(Not In Time Window|Unknown Engine ID)/.test(message))
    return new SnmpError('unfit', outsideWindow);
  if (code === ECouldNotDecrypt) return new SnmpError('refused', 'its answer cannot be decrypted with the privacy key');
  // The library's text for a wrong signature contains both signatures.
  if (code === EAuthFailure)
    return new SnmpError('refused', /digest \w{8,}/.test(message) ? 'its answer is not signed with the key' : message);
  return new SnmpError('unfit', message);
}
