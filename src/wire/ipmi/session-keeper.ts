import { type CipherSuite, type CipherSuiteId, findCipherSuite } from '../rmcp/cipher-suites.ts';
import type { Datagrams, Peer } from '../udp/datagrams.ts';
import { setSessionPrivilege } from './app-commands.ts';
import { adviceOn, privilegeLevels } from './command.ts';
import { completionCodes } from './completion-codes.ts';
import { Conversation } from './conversation.ts';
import { type Login, NoFreeSession, openSession } from './handshake.ts';
import { IpmiError, type IpmiFailure } from './ipmi-error.ts';
import type { Latency } from './latency.ts';
import { openLegacySession } from './legacy-session.ts';
import { findCipherSuites } from './outside-commands.ts';
import { Session } from './session.ts';
import { RmcpPlusLink, type SessionLink } from './session-link.ts';
import { type SessionQuirk, standardSession } from './session-quirks.ts';
import { type Budget, jittered, pause, type Timings, within } from './timings.ts';

/** `1.5` signs with MD5 and encrypts nothing: only for BMCs that support nothing better. */
export type ProtocolVersion = '2.0' | '1.5';

export type BmcLogin = Peer & Login & { readonly cipherSuite?: CipherSuiteId; readonly version?: ProtocolVersion };

export type SessionMaker = { readonly datagrams: Datagrams; readonly timings: Timings; readonly latency: Latency };

/** One session with one BMC: opened on demand, discarded when lost. */
export class SessionKeeper {
  readonly #login: BmcLogin;
  readonly #maker: SessionMaker;
  /** The last suite that worked, so that the BMC is queried for its suites only once. */
  #learned: readonly CipherSuite[] | undefined;
  #quirk: SessionQuirk = standardSession;
  #conversation: Conversation | undefined;
  #session: Session | undefined;

  constructor(login: BmcLogin, maker: SessionMaker) {
    this.#login = login;
    this.#maker = maker;
  }

  get peer(): Peer {
    const { address, port } = this.#login;
    return { address, port };
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Call it when the BMC has dropped the session. */
  forget(): void {
    this.#session = undefined;
  }

  /** @throws IpmiError, or the reason of an abort */
  async open(budget: Budget): Promise<Session> {
    if (this.#session) return this.#session;
    this.#conversation ??= await this.#connect(budget);
    const conversation = this.#conversation;
    const session = new Session(conversation, await this.#agreeWithRetries(conversation, budget));
    const level = privilegeLevels[this.#login.privilege];
    try {
      if (level > privilegeLevels.user) await session.request(setSessionPrivilege, { privilege: { level } }, { budget });
    } catch (error) {
      await session.close();
      throw error instanceof IpmiError && levelRefusals.includes(error.completion ?? 0)
        ? new IpmiError('privilege', { ...error, detail: `${error.detail}${adviceOn(this.#login.privilege)}` })
        : error;
    }
    this.#session = session;
    return session;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
    this.#conversation?.close();
    this.#conversation = undefined;
  }

  /** Waits for a free session if the BMC has none: it drops one left by a killed process within a minute. */
  async #agreeWithRetries(conversation: Conversation, budget: Budget): Promise<SessionLink> {
    const { timings } = this.#maker;
    let refusal: NoFreeSession | undefined;
    for (let wait = timings.firstWait; ; wait = Math.min(wait * timings.growth, longestSlotWait)) {
      try {
        return await this.#agree(conversation, budget);
      } catch (error) {
        if (error instanceof NoFreeSession) refusal = error;
        else throw (isSilence(error) && refusal) || error;
        if (budget.waitsForSession) budget.extend(timings.sessionWait);
        const left = budget.waitsForSession ? budget.left : budget.leftAtFirst;
        const pauses = jittered(wait);
        if (left <= pauses) throw error;
        await pause(pauses, budget);
      }
    }
  }

  async #agree(conversation: Conversation, budget: Budget): Promise<SessionLink> {
    if (this.#login.version === '1.5') return openLegacySession(conversation, this.#login, budget);
    const wanted = this.#login.cipherSuite && findCipherSuite(this.#login.cipherSuite);
    const known = (wanted && [wanted]) ?? this.#learned;
    const { suites, doubt } = known ? { suites: known } : await findCipherSuites(conversation, budget);
    try {
      const { terms, quirk, isBest } = await openSession(conversation, this.#login, { suites, budget, quirk: this.#quirk });
      if (isBest) this.#learned = [terms.suite];
      this.#quirk = quirk;
      return new RmcpPlusLink(terms);
    } catch (error) {
      // The BMC's capabilities can change by an update or a replacement: discard what was learned when it fails.
      if (error instanceof NoFreeSession) throw error;
      this.#learned = undefined;
      this.#quirk = standardSession;
      throw error instanceof IpmiError && suiteFailures.includes(error.failure) && doubt
        ? new IpmiError(error.failure, { ...error, detail: `${error.detail}; ${doubt}` })
        : error;
    }
  }

  async #connect(budget: Budget): Promise<Conversation> {
    const { address, port } = this.#login;
    const unusable = (why: string) => {
      const detail = `the address can't be used: ${why}`;
      return new IpmiError('silent', { peer: { address, port }, command: 'Open Session', detail });
    };
    const opening = Conversation.open({ address, port }, this.#maker);
    try {
      return await within(opening, budget, () => new Error('its name was not resolved in time'));
    } catch (error) {
      opening.then(
        (late) => late.close(),
        () => {},
      );
      budget.throwIfEnded();
      throw unusable((error as Error).message);
    }
  }
}

/** Completion codes of Set Session Privilege Level for an account without that privilege, section 22.18. */
/** Failures that another cipher suite may avoid. */
const suiteFailures: readonly IpmiFailure[] = ['unsupported', 'completion', 'unfit'];

const levelRefusals: readonly number[] = [0x80, 0x81, completionCodes.insufficientPrivilege];

/** If the deadline passes between two retries for a free session, "no free session" explains more than a timeout. */
function isSilence(error: unknown): boolean {
  return error instanceof IpmiError && error.failure === 'silent';
}

/** Maximum wait between two retries for a free session, in milliseconds. */
const longestSlotWait = 5_000;
