import type { CipherSuite, CipherSuiteId } from '../rmcp/cipher-suites.ts';
import { findCipherSuite } from '../rmcp/cipher-suites.ts';
import type { Datagrams, Peer } from '../udp/datagrams.ts';
import { setSessionPrivilege } from './app-commands.ts';
import { getChassisStatus } from './chassis-commands.ts';
import { type Command, privilegeLevels } from './command.ts';
import { completionCodes } from './completion-codes.ts';
import { Conversation } from './conversation.ts';
import { findCipherSuites, type Login, openSession, type SessionTerms } from './handshake.ts';
import { IpmiError } from './ipmi-error.ts';
import { Session } from './session.ts';
import { Budget, defaultTimings, type Timings } from './timings.ts';

export type IpmiClientOptions = Peer & Login & { readonly cipherSuite?: CipherSuiteId };

export type RequestOptions = { readonly signal?: AbortSignal };

export type IpmiClient = {
  /**
   * Sends one command and waits for its answer; opens or renews the session as needed. Requests run one after the
   * other: many BMCs mix up answers or fall over when asked in parallel.
   * @throws IpmiError, or the reason of an abort.
   */
  request<Q, R>(row: Command<Q, R>, fields: Q, options?: RequestOptions): Promise<R>;
  /** Ends the request under way, closes the session politely. */
  close(): Promise<void>;
};

export function openIpmiClient(options: IpmiClientOptions, datagrams: Datagrams, timings = defaultTimings): IpmiClient {
  return new Client(options, datagrams, timings);
}

/** Sends of one command in a session that may be lost before a new session is tried. */
const sessionLossSends = 3;

type Work = { readonly budget: Budget };

class Client implements IpmiClient {
  readonly #options: IpmiClientOptions;
  readonly #datagrams: Datagrams;
  readonly #timings: Timings;
  readonly #ended = new AbortController();
  readonly #wanted: readonly CipherSuite[] | undefined;
  /** The suite that worked last, so that a BMC is asked for its suites once. */
  #learned: readonly CipherSuite[] | undefined;
  #conversation: Conversation | undefined;
  #session: Session | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: IpmiClientOptions, datagrams: Datagrams, timings: Timings) {
    this.#options = options;
    this.#datagrams = datagrams;
    this.#timings = timings;
    const suite = options.cipherSuite && findCipherSuite(options.cipherSuite);
    this.#wanted = suite && [suite];
  }

  async request<Q, R>(row: Command<Q, R>, fields: Q, { signal }: RequestOptions = {}): Promise<R> {
    if (this.#ended.signal.aborted) throw this.#closedError(row.name);
    const signals = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    const budget = new Budget(this.#timings.deadline, signals);
    try {
      return await this.#enqueue(() => this.#run(row, fields, { budget }), signals);
    } catch (error) {
      throw error === this.#ended.signal.reason ? this.#closedError(row.name) : error;
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#enqueue(() => this.#hangUp());
  }

  /** One at a time; a caller that gives up while it waits is told at once. */
  #enqueue<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    clearTimeout(this.#idle);
    this.#waiting += 1;
    const turn = this.#queue.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#queue = turn.catch(() => {}).then(() => this.#rest());
    return signal ? Promise.race([turn, rejection(signal, turn)]) : turn;
  }

  #rest(): void {
    this.#waiting -= 1;
    if (this.#waiting > 0 || !this.#conversation) return;
    this.#idle = setTimeout(() => void this.#enqueue(() => this.#hangUp()), this.#timings.idle);
    // An idle session is no reason to keep the process.
    this.#idle.unref();
  }

  async #run<Q, R>(row: Command<Q, R>, fields: Q, work: Work): Promise<R> {
    if (row.repeatable?.(fields) === false) return this.#runOnce(row, fields, work);
    for (;;) {
      const reused = this.#session !== undefined;
      try {
        const session = await this.#openedSession(work.budget);
        return await session.request(row, fields, { budget: work.budget, ...(reused && { sends: sessionLossSends }) });
      } catch (error) {
        if (!(error instanceof IpmiError)) throw error;
        if (error.failure === 'silent') this.#session = undefined;
        const again = error.failure === 'silent' ? reused : error.completion === completionCodes.nodeBusy;
        if (!again || work.budget.left === 0) throw error;
        if (error.failure !== 'silent') await pause(this.#timings.firstWait, work.budget);
      }
    }
  }

  /** For what must not be done twice: proves the way first, then sends a single packet. */
  async #runOnce<Q, R>(row: Command<Q, R>, fields: Q, { budget }: Work): Promise<R> {
    if (!this.#session || this.#session.silentFor > this.#timings.trusted) await this.#run(getChassisStatus, {}, { budget });
    const session = await this.#openedSession(budget);
    try {
      return await session.request(row, fields, { budget, sends: 1, wait: this.#timings.singleWait });
    } catch (error) {
      if (error instanceof IpmiError && error.failure === 'silent') this.#session = undefined;
      throw error;
    }
  }

  async #openedSession(budget: Budget): Promise<Session> {
    if (this.#session) return this.#session;
    const { address, port, privilege } = this.#options;
    this.#conversation ??= await this.#connect({ address, port }, budget);
    const terms = await this.#agree(this.#conversation, budget);
    const session = new Session(this.#conversation, terms);
    if (privilegeLevels[privilege] > privilegeLevels.user) {
      await session.request(setSessionPrivilege, { privilege: { level: privilegeLevels[privilege] } }, { budget });
    }
    this.#session = session;
    return session;
  }

  async #agree(conversation: Conversation, budget: Budget): Promise<SessionTerms> {
    const suites = this.#wanted ?? this.#learned ?? (await findCipherSuites(conversation, budget));
    // What a BMC can do changes when it is updated or replaced: what was learned holds only as long as it works.
    this.#learned = undefined;
    const terms = await openSession(conversation, this.#options, { suites, budget });
    this.#learned = [terms.suite];
    return terms;
  }

  async #connect(peer: Peer, budget: Budget): Promise<Conversation> {
    const opening = Conversation.open(peer, this.#datagrams, this.#timings);
    try {
      return await within(opening, budget);
    } catch (error) {
      opening.then(
        (late) => late.close(),
        () => {},
      );
      budget.signal?.throwIfAborted();
      const detail = `the address can't be used: ${(error as Error).message}`;
      throw new IpmiError('silent', { peer, command: 'Open Session', detail });
    }
  }

  async #hangUp(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
    this.#conversation?.close();
    this.#conversation = undefined;
  }

  #closedError(command: string): IpmiError {
    const { address, port } = this.#options;
    return new IpmiError('closed', { peer: { address, port }, command, detail: 'the connection was closed' });
  }
}

function pause(milliseconds: number, { left, signal }: Budget): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, Math.min(milliseconds, left));
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    function done() {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
  });
}

/** For what can't be ended: a name that the name servers take their time to resolve. */
function within<T>(work: Promise<T>, { left, signal }: Budget): Promise<T> {
  const overdue = new AbortController();
  const timer = setTimeout(() => overdue.abort(new Error('its name was not resolved in time')), left);
  const ends = signal ? AbortSignal.any([signal, overdue.signal]) : overdue.signal;
  return Promise.race([work, rejection(ends, work)]).finally(() => clearTimeout(timer));
}

/** Rejects on abort; gone without a trace when `turn` ends first. */
function rejection(signal: AbortSignal, turn: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const forget = () => signal.removeEventListener('abort', abort);
    turn.then(forget, forget);
  });
}
