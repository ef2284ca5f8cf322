/**
 * Opens an RMCP+ session as the remote console: capabilities, cipher suite, Open Session, RAKP 1 to 4. IPMI 2.0 rev
 * 1.1 sections 13.14 to 13.23. It verifies ids, tags, algorithms and both proofs.
 */
import { randomBytes } from 'node:crypto';
import { encode } from '../bytes/fields.ts';
import { type CipherSuite, matchCipherSuite } from '../rmcp/cipher-suites.ts';
import * as rakp from '../rmcp/rakp.ts';
import { deriveKeys, passwordKey, type RakpFacts, rakp2Code, rakp3Code, rakp4Code } from '../rmcp/session-keys.ts';
import { decodePlainPacket, encodePlainPacket, type PayloadType } from '../rmcp/session-packet.ts';
import { closeSession } from './app-commands.ts';
import { adviceOn, type Privilege, privilegeLevels } from './command.ts';
import type { Conversation } from './conversation.ts';
import { IpmiError, type IpmiFailure } from './ipmi-error.ts';
import { encodeRequest } from './message.ts';
import { unfit, unsupported } from './outside-commands.ts';
import { RmcpPlusLink, type SessionTerms } from './session-link.ts';
import {
  beginsWithCode,
  findQuirkByRakp2,
  findQuirkByRakp4,
  noNameOnlyLookup,
  openSessionPrivilege,
  roleStatuses,
  type SessionQuirk,
  standardSession,
} from './session-quirks.ts';
import type { Budget } from './timings.ts';

export type Login = {
  readonly user: string;
  readonly password: string;
  readonly privilege: Privilege;
  /** The BMC key (K_G), if the operator set one. */
  readonly bmcKey?: Uint8Array;
};

type OpenOptions = { readonly suites: readonly CipherSuite[]; readonly budget: Budget; readonly quirk?: SessionQuirk };

/**
 * @param options `quirk`: the session quirk that this BMC needed before
 * @returns `isBest`: false if a better suite failed only because the BMC had no free session
 * @throws IpmiError
 */
export async function openSession(
  conversation: Conversation,
  login: Login,
  { suites, budget, quirk: known = standardSession }: OpenOptions,
): Promise<{ terms: SessionTerms; quirk: SessionQuirk; isBest: boolean }> {
  const { timings } = conversation;
  let wait = Math.max(timings.firstWait, conversation.latency.firstWait(timings));
  let quirk = known;
  let mixUps = 0;
  let isBest = true;
  for (let at = 0; ; ) {
    const suite = suites[at];
    if (!suite) throw unsupported(conversation, `it accepts none of cipher suites ${suites.map(({ id }) => id).join(', ')}`);
    const isLast = at === suites.length - 1;
    try {
      const handshake = new Handshake(conversation, login, { suite, isLast, budget, wait, quirk });
      const terms = await handshake.run();
      if (terms) return { terms, quirk, isBest };
      if (handshake.wasFull) isBest = false;
      at += 1;
    } catch (error) {
      if (!(error instanceof IpmiError) || budget.left === 0) throw error;
      if (error instanceof OtherQuirk && quirk === standardSession) {
        quirk = error.quirk;
        continue;
      }
      if (error instanceof MixUp && ++mixUps < mostMixUps) {
        if (mixUps === mostMixUps - 1) quirk = noNameOnlyLookup;
        continue;
      }
      // Each message advances the BMC's state, so a lost one can't be resent alone: restart the handshake.
      if (error.failure !== 'silent') throw error;
      // Some BMCs do not respond to an unsupported cipher suite; try the next one.
      at = (at + 1) % suites.length;
      wait = Math.min(wait * timings.growth, timings.longestWait);
    }
  }
}

const mostMixUps = 3;

/**
 * RAKP 4 rejects our proof although RAKP 2 showed that both sides have the same password: the two belong to different
 * exchanges. This happens when the network duplicates RAKP 1 and the BMC draws a new random number for the copy. If
 * it recurs, the BMC may compute RAKP 3 differently (`intelplus`): the last attempt uses that quirk.
 */
class MixUp extends IpmiError {}

/** Refused, but worth a retry: this BMC needs a session quirk. */
class OtherQuirk extends IpmiError {
  readonly quirk: SessionQuirk;

  constructor(error: IpmiError, quirk: SessionQuirk) {
    super(error.failure, error);
    this.quirk = quirk;
  }
}

/** The BMC has no free session; it will have one, because it drops unused sessions after a minute. */
export class NoFreeSession extends IpmiError {}

class Handshake {
  readonly #conversation: Conversation;
  readonly #login: Login;
  readonly #suite: CipherSuite;
  readonly #budget: Budget;
  readonly #wait: number;
  readonly #quirk: SessionQuirk;
  readonly #isLastSuite: boolean;
  /** The BMC had no session for this suite; the next suite is tried. */
  wasFull = false;
  readonly #tag = randomBytes(1).readUInt8();
  readonly #consoleSession = randomSession();

  constructor(
    conversation: Conversation,
    login: Login,
    {
      suite,
      isLast,
      budget,
      wait,
      quirk,
    }: { suite: CipherSuite; isLast: boolean; budget: Budget; wait: number; quirk: SessionQuirk },
  ) {
    this.#conversation = conversation;
    this.#login = login;
    this.#suite = suite;
    this.#budget = budget;
    this.#wait = wait;
    this.#quirk = quirk;
    this.#isLastSuite = isLast;
  }

  get #level(): number {
    return privilegeLevels[this.#login.privilege];
  }

  /** @returns undefined if the BMC does not support this cipher suite. */
  async run(): Promise<SessionTerms | undefined> {
    const bmcSession = await this.#openSession();
    if (bmcSession === undefined) return undefined;
    const facts = await this.#rakp1(bmcSession);
    const keys = deriveKeys(facts, this.#login.bmcKey ?? passwordKey(this.#login.password));
    const terms = { suite: this.#suite, keys, consoleSession: this.#consoleSession, bmcSession };
    await this.#rakp3(facts, terms);
    return terms;
  }

  async #openSession(): Promise<number | undefined> {
    const request = rakp.encodeOpenSessionRequest({
      tag: this.#tag,
      privilege: this.#quirk.openingPrivilege(this.#level),
      consoleSession: this.#consoleSession,
      algorithms: this.#suite,
    });
    const answer = await this.#ask('openSessionRequest', request, {
      type: 'openSessionResponse',
      decode: rakp.decodeOpenSessionResponse,
    });
    if (!answer.ok) {
      const { status } = answer.failure;
      if (rakp.cipherSuiteStatuses.includes(status)) return undefined;
      // Supermicro X8DTG and MSI MS-91D2 return this for a disabled cipher suite.
      if (roleStatuses.includes(status) && !this.#isLastSuite) return undefined;
      // Firmware without suite 17 returns "insufficient resources" (01h), as does firmware with no free session.
      if (rakp.fullStatuses.includes(status) && !this.#isLastSuite) {
        this.wasFull = true;
        return undefined;
      }
      throw this.#turnedDown('Open Session', status);
    }
    const { algorithms, bmcSession } = answer.value;
    if (matchCipherSuite(algorithms) !== this.#suite) {
      throw unfit(this.#conversation, `it answered cipher suite ${this.#suite.id} with other algorithms`);
    }
    if (bmcSession === 0) throw unfit(this.#conversation, 'it gave the session the reserved id 0');
    return bmcSession;
  }

  async #rakp1(bmcSession: number): Promise<RakpFacts> {
    const role = this.#quirk.role(this.#level);
    const user = Buffer.from(this.#login.user, 'utf8');
    const random = randomBytes(16);
    const request = rakp.encodeRakp1({ tag: this.#tag, bmcSession, random, role, user });
    const answer = await this.#ask('rakp1', request, { type: 'rakp2', decode: rakp.decodeRakp2 }).catch((error) => {
      this.#giveUp(bmcSession);
      throw error;
    });
    if (!answer.ok) throw this.#turnedDown('RAKP 2', answer.failure.status);
    const facts: RakpFacts = {
      suite: this.#suite,
      consoleSession: this.#consoleSession,
      bmcSession,
      consoleRandom: random,
      bmcRandom: Buffer.from(answer.value.random),
      bmcGuid: Buffer.from(answer.value.guid),
      role,
      user,
    };
    const { code } = answer.value;
    const key = passwordKey(this.#login.password);
    if (beginsWithCode(code, rakp2Code(facts, key))) return facts;
    this.#giveUp(bmcSession);
    const error = this.#failure('refused', 'the password is not the one the BMC has (RAKP 2)');
    const odd = findQuirkByRakp2({ facts, code, openingPrivilege: this.#quirk.openingPrivilege(this.#level) }, key);
    throw odd ? new OtherQuirk(error, odd.quirk) : error;
  }

  async #rakp3(facts: RakpFacts, terms: SessionTerms): Promise<void> {
    const code = rakp3Code(facts, passwordKey(this.#login.password));
    const request = rakp.encodeRakp3({ tag: this.#tag, status: rakp.rakpStatus.ok, bmcSession: facts.bmcSession, code });
    const answer = await this.#ask('rakp3', request, { type: 'rakp4', decode: rakp.decodeRakp4 }).catch((error) => {
      this.#leave(terms);
      throw error;
    });
    if (!answer.ok) {
      const error = this.#turnedDown('RAKP 4', answer.failure.status);
      throw answer.failure.status === rakp.rakpStatus.invalidIntegrityCheck ? new MixUp(error.failure, error) : error;
    }
    const { code: proof } = answer.value;
    if (beginsWithCode(proof, rakp4Code(facts, terms.keys.sik))) return;
    const error = this.#failure('refused', "the BMC's proof does not match (RAKP 4); it may have a key (K_G) of its own set");
    const openingPrivilege = this.#quirk.openingPrivilege(this.#level);
    const key = this.#login.bmcKey ?? passwordKey(this.#login.password);
    const odd = findQuirkByRakp4({ facts, code: proof, openingPrivilege }, key);
    throw odd ? new OtherQuirk(error, odd.quirk) : error;
  }

  /** Lets the BMC free the half-open session immediately: it has few, and keeps them for a minute. */
  #giveUp(bmcSession: number): void {
    const status = rakp.rakpStatus.invalidIntegrityCheck;
    const packet = encodePlainPacket('rakp3', rakp.encodeFailure({ tag: this.#tag, status, session: bmcSession }));
    this.#conversation.sendOnly(() => packet);
  }

  /** RAKP 3 or 4 was lost: the session is half open or open, and useless to us; make the BMC drop it. */
  #leave(terms: SessionTerms): void {
    const data = encode(closeSession.request, { session: terms.bmcSession });
    const { netFn, command } = closeSession;
    const link = new RmcpPlusLink(terms);
    this.#conversation.sendOnly(() => link.wrap('ipmi', encodeRequest({ netFn, command, sequence: 1, data })));
    this.#giveUp(terms.bmcSession);
  }

  #ask<T extends { consoleSession: number; tag: number }>(
    type: PayloadType,
    payload: Uint8Array,
    expected: { type: PayloadType; decode(payload: Uint8Array): rakp.Answer<T> },
  ): Promise<rakp.Answer<T>> {
    const packet = encodePlainPacket(type, payload);
    return this.#conversation.ask({
      command: 'Open Session',
      packet: () => packet,
      sends: 1,
      wait: this.#wait,
      budget: this.#budget,
      accept: (received) => {
        const plain = decodePlainPacket(received);
        if (plain.type !== expected.type) return undefined;
        const answer = expected.decode(plain.payload);
        const { tag, session } = answer.ok ? { tag: answer.value.tag, session: answer.value.consoleSession } : answer.failure;
        const isOurs = tag === this.#tag && (session ?? this.#consoleSession) === this.#consoleSession;
        return isOurs ? answer : undefined;
      },
    });
  }

  #turnedDown(step: string, status: number): IpmiError {
    const said = `${rakp.rakpStatusTable[status] ?? `unknown status ${status}`} (${step})`;
    const detail = status === rakp.rakpStatus.unauthorizedRole ? `${said}${adviceOn(this.#login.privilege)}` : said;
    if (rakp.fullStatuses.includes(status)) {
      return new NoFreeSession('completion', { peer: this.#conversation.peer, command: 'Open Session', detail });
    }
    const error = this.#failure(failureOf(status), detail);
    return roleStatuses.includes(status) ? new OtherQuirk(error, openSessionPrivilege) : error;
  }

  #failure(failure: IpmiFailure, detail: string): IpmiError {
    return new IpmiError(failure, { peer: this.#conversation.peer, command: 'Open Session', detail });
  }
}

function failureOf(status: number): IpmiFailure {
  if (rakp.credentialStatuses.includes(status)) return 'refused';
  return rakp.privilegeStatuses.includes(status) ? 'privilege' : 'completion';
}

function randomSession(): number {
  return randomBytes(4).readUInt32LE() || 1;
}
