import type { Datagrams } from '../udp/datagrams.ts';
import { getDeviceId } from './app-commands.ts';
import type { Bridge } from './bridge.ts';
import { getChassisStatus } from './chassis-commands.ts';
import type { Command } from './command.ts';
import { completionCodes } from './completion-codes.ts';
import { IpmiError } from './ipmi-error.ts';
import { Latency } from './latency.ts';
import type { Session, SessionLimits } from './session.ts';
import { SessionBudget, type SessionHolder } from './session-budget.ts';
import { type BmcLogin, SessionKeeper } from './session-keeper.ts';
import { Budget, defaultTimings, pause, type Timings } from './timings.ts';
import { WorkQueue } from './work-queue.ts';

export type IpmiClientOptions = BmcLogin;

export type RequestOptions = {
  readonly signal?: AbortSignal;
  /** No user waits for the response: do not wait for a free session if the BMC has none. */
  readonly background?: boolean;
  /** Route to the controller behind the BMC that the command is for. */
  readonly bridge?: Bridge | undefined;
};

export type IpmiClient = {
  /**
   * Sends one command and waits for its response; opens or renews the session as needed. Requests run one after the
   * other: many BMCs mix up responses or crash on parallel requests.
   * @throws IpmiError, or the reason of an abort.
   */
  request<Q, R>(row: Command<Q, R>, fields: Q, options?: RequestOptions): Promise<R>;
  /** Smoothed latency of this BMC; undefined before the first response. */
  readonly latencyMs: number | undefined;
  /** False when discarding the client loses no state. */
  readonly isInUse: boolean;
  /** Aborts the request in progress and closes the session with Close Session. */
  close(): Promise<void>;
};

/** What the clients of all BMCs share. */
export type IpmiNetwork = { readonly datagrams: Datagrams; readonly timings: Timings; readonly sessions: SessionBudget };

export function openIpmiClient(options: IpmiClientOptions, datagrams: Datagrams, timings = defaultTimings): IpmiClient {
  return createIpmiClient(options, { datagrams, timings, sessions: new SessionBudget(0, timings) });
}

export function createIpmiClient(options: IpmiClientOptions, network: IpmiNetwork): IpmiClient {
  return new Client(options, network);
}

/** How often a command is sent in a possibly lost session before the client opens a new one. */
const sessionLossSends = 3;

class Client implements IpmiClient, SessionHolder {
  readonly #options: IpmiClientOptions;
  readonly #network: IpmiNetwork;
  readonly #latency = new Latency();
  readonly #keeper: SessionKeeper;
  readonly #queue = new WorkQueue();
  /** Counted in `network.sessions`. */
  #holds = false;
  #closed = false;
  usedAt = 0;

  constructor(options: IpmiClientOptions, network: IpmiNetwork) {
    this.#options = options;
    this.#network = network;
    this.#keeper = new SessionKeeper(options, { ...network, latency: this.#latency });
  }

  get latencyMs(): number | undefined {
    return this.#latency.milliseconds;
  }

  get isInUse(): boolean {
    return this.#holds || this.#queue.isBusy;
  }

  async request<Q, R>(row: Command<Q, R>, fields: Q, { signal, background, bridge }: RequestOptions = {}): Promise<R> {
    if (this.#closed) throw this.#error('closed', row.name, closedText);
    const budget = new Budget(this.#network.timings.deadline, { signal, waitsForSession: !background });
    try {
      budget.throwIfEnded();
      const way = { budget, ...(bridge && { bridge }) };
      return await this.#enqueue(() => this.#run(row, fields, way), budget, row.name);
    } finally {
      budget.release();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.end((name) => this.#error('closed', name, closedText));
    await this.#hangUp();
  }

  hangUp(): void {
    void this.#hangUp();
  }

  keepAlive(): void {
    const budget = new Budget(this.#network.timings.deadline);
    const work = async () => {
      try {
        const limits = { budget, sends: sessionLossSends };
        await this.#keeper.session?.request(getDeviceId, {}, limits);
      } catch (error) {
        if (error instanceof IpmiError && error.failure === 'silent') this.#lose();
      }
    };
    this.#queue.add(work, { budget, name: getDeviceId.name, overdue: () => this.#busyError(getDeviceId.name) }).then(
      () => this.#rest(),
      () => this.#rest(),
    );
  }

  async #enqueue<T>(work: () => Promise<T>, budget: Budget, name: string): Promise<T> {
    this.#network.sessions.wake(this);
    this.usedAt = performance.now();
    try {
      return await this.#queue.add(work, { budget, name, overdue: () => this.#busyError(name) });
    } finally {
      this.usedAt = performance.now();
      this.#rest();
    }
  }

  #rest(): void {
    if (this.#queue.isBusy) return;
    if (this.#keeper.session) this.#network.sessions.rest(this);
    else if (this.#holds) void this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    const budget = new Budget(this.#network.timings.deadline);
    const work = async () => {
      await this.#keeper.close();
      if (this.#holds) this.#network.sessions.release();
      this.#holds = false;
    };
    this.#network.sessions.wake(this);
    await this.#queue.add(work, { budget, name: 'Close Session' });
  }

  async #run<Q, R>(row: Command<Q, R>, fields: Q, way: Way): Promise<R> {
    const { budget } = way;
    if (row.repeatable?.(fields) === false) return this.#runOnce(row, fields, way);
    for (let busy = 1; ; ) {
      const reused = this.#keeper.session !== undefined;
      try {
        const session = await this.#openedSession(budget);
        return await session.request(row, fields, { ...way, ...(reused && { sends: sessionLossSends }) });
      } catch (error) {
        if (!(error instanceof IpmiError)) throw error;
        if (error.failure === 'silent') this.#lose();
        const mayClear = error.completion === completionCodes.nodeBusy && busy++ < (row.mostBusy ?? Number.POSITIVE_INFINITY);
        const again = error.failure === 'silent' ? reused : mayClear;
        if (!again || budget.left === 0) throw error;
        if (error.failure !== 'silent') await pause(this.#network.timings.firstWait, budget);
      }
    }
  }

  /** For commands that must not be executed twice: verifies the session first, then sends a single packet. */
  async #runOnce<Q, R>(row: Command<Q, R>, fields: Q, way: Way): Promise<R> {
    const { budget } = way;
    const { trusted, singleWait } = this.#network.timings;
    const { session: kept } = this.#keeper;
    if (!kept || kept.silentFor > trusted) await this.#run(getChassisStatus, {}, { budget });
    const session = await this.#openedSession(budget);
    try {
      const answer = await session.request(row, fields, { ...way, sends: 1, wait: singleWait });
      if (row.endsSession && !way.bridge) this.#lose();
      return answer;
    } catch (error) {
      if (error instanceof IpmiError && error.failure === 'silent') this.#lose();
      throw error;
    }
  }

  async #openedSession(budget: Budget): Promise<Session> {
    if (!this.#holds) {
      const { sessions } = this.#network;
      const full = `all ${sessions.stats.limit} sessions that Ingot may hold at once (ipmi.sessions) are in use`;
      await sessions.acquire(budget, () => this.#error('limit', 'Open Session', full));
      this.#holds = true;
    }
    return this.#keeper.open(budget);
  }

  #lose(): void {
    this.#keeper.forget();
  }

  #busyError(name: string): IpmiError {
    return this.#error('silent', name, 'the requests before it have not ended');
  }

  #error(failure: 'closed' | 'limit' | 'silent', command: string, detail: string): IpmiError {
    const { address, port } = this.#options;
    return new IpmiError(failure, { peer: { address, port }, command, detail });
  }
}

type Way = Pick<SessionLimits, 'budget' | 'bridge'>;

const closedText = 'the client was closed';
