/**
 * Opens an RMCP+ session as the remote console: capabilities, cipher suite, Open Session, RAKP 1 to 4. IPMI 2.0 rev 1.1
 * sections 13.14 to 13.23. Nothing here is taken on trust: ids, tags, algorithms and both proofs are checked.
 */
import { randomBytes } from 'node:crypto';
import { decode, encode } from '../bytes/fields.ts';
import { type CipherSuite, cipherSuiteTable, decodeCipherSuiteIds, matchCipherSuite } from '../rmcp/cipher-suites.ts';
import { decodeLegacyPacket, encodeLegacyPacket } from '../rmcp/legacy-packet.ts';
import * as rakp from '../rmcp/rakp.ts';
import { deriveKeys, passwordKey, type RakpFacts, rakp2Code, rakp3Code, rakp4Code, sameCode } from '../rmcp/session-keys.ts';
import { decodePlainPacket, encodePlainPacket, type PayloadType } from '../rmcp/session-packet.ts';
import {
  type ChannelCapabilities,
  closeSession,
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  presentChannel,
} from './app-commands.ts';
import { type Command, type Privilege, privilegeLevels } from './command.ts';
import type { Conversation } from './conversation.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeResponse, encodeRequest } from './message.ts';
import { RmcpPlusLink, type SessionTerms } from './session-link.ts';
import type { Budget } from './timings.ts';

export type Login = {
  readonly user: string;
  readonly password: string;
  readonly privilege: Privilege;
  /** The BMC's own key (K_G), where its owner set one. */
  readonly bmcKey?: Uint8Array;
};

type OpenOptions = { readonly suites: readonly CipherSuite[]; readonly budget: Budget };

/** Suites that this BMC may be asked for, best first. @throws IpmiError */
export async function findCipherSuites(conversation: Conversation, budget: Budget): Promise<readonly CipherSuite[]> {
  await requireIpmi20(conversation, budget);
  const offered = await listCipherSuites(conversation, budget);
  // Not every BMC answers this outside of a session (OpenIPMI's simulator does not): then Open Session tells.
  if (offered === undefined) return cipherSuiteTable;
  const common = cipherSuiteTable.filter((suite) => offered.includes(suite.id));
  if (common.length > 0) return common;
  throw unfit(conversation, `it offers cipher suites ${offered.join(', ') || '(none)'}, none of them acceptable (17 or 3)`);
}

/** @throws IpmiError */
export async function openSession(
  conversation: Conversation,
  login: Login,
  { suites, budget }: OpenOptions,
): Promise<SessionTerms> {
  const { timings } = conversation;
  let wait = Math.max(timings.firstWait, conversation.latency.firstWait(timings));
  let mixUps = 0;
  for (let at = 0; ; ) {
    const suite = suites[at];
    if (!suite) throw unfit(conversation, `it accepts none of cipher suites ${suites.map(({ id }) => id).join(', ')}`);
    try {
      const terms = await new Handshake(conversation, login, { suite, budget, wait }).run();
      if (terms) return terms;
      at += 1;
    } catch (error) {
      if (!(error instanceof IpmiError) || budget.left === 0) throw error;
      if (error instanceof MixUp && ++mixUps < mostMixUps) continue;
      // Each message moves the BMC's side on, so a lost one can't be repeated by itself: all starts again.
      if (error.failure !== 'silent') throw error;
      // Some BMCs answer a cipher suite they don't know with silence; then the next one gets its turn.
      at = (at + 1) % suites.length;
      wait = Math.min(wait * timings.growth, timings.longestWait);
    }
  }
}

const mostMixUps = 3;

/**
 * RAKP 4 calls our proof wrong although RAKP 2 has shown that both sides have the same password: the two are not of one
 * exchange. So it goes where the network delivered RAKP 1 twice and the BMC drew a new random number for the second.
 */
class MixUp extends IpmiError {}

/** No session is free in the BMC now; one will be, as it drops those that nobody uses after a minute. */
export class NoFreeSession extends IpmiError {}

class Handshake {
  readonly #conversation: Conversation;
  readonly #login: Login;
  readonly #suite: CipherSuite;
  readonly #budget: Budget;
  readonly #wait: number;
  readonly #tag = randomBytes(1).readUInt8();
  readonly #consoleSession = randomSession();

  constructor(
    conversation: Conversation,
    login: Login,
    { suite, budget, wait }: { suite: CipherSuite; budget: Budget; wait: number },
  ) {
    this.#conversation = conversation;
    this.#login = login;
    this.#suite = suite;
    this.#budget = budget;
    this.#wait = wait;
  }

  /** @returns undefined when the BMC does not do this cipher suite. */
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
      // 0 = the highest that the cipher suite allows; RAKP 1 says which one we want.
      privilege: 0,
      consoleSession: this.#consoleSession,
      algorithms: this.#suite,
    });
    const answer = await this.#ask('openSessionRequest', request, {
      type: 'openSessionResponse',
      decode: rakp.decodeOpenSessionResponse,
    });
    if (!answer.ok) {
      if (rakp.cipherSuiteStatuses.includes(answer.failure.status)) return undefined;
      throw this.#turnedDown('Open Session', answer.failure.status);
    }
    const { algorithms, bmcSession } = answer.value;
    if (matchCipherSuite(algorithms) !== this.#suite) {
      throw unfit(this.#conversation, `it answered cipher suite ${this.#suite.id} with other algorithms`);
    }
    if (bmcSession === 0) throw unfit(this.#conversation, 'it gave the session the reserved id 0');
    return bmcSession;
  }

  async #rakp1(bmcSession: number): Promise<RakpFacts> {
    const role = rakp.nameOnlyLookup | privilegeLevels[this.#login.privilege];
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
    if (!sameCode(answer.value.code, rakp2Code(facts, passwordKey(this.#login.password)))) {
      this.#giveUp(bmcSession);
      throw this.#refused('the password is not the one the BMC has (RAKP 2)');
    }
    return facts;
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
    if (sameCode(answer.value.code, rakp4Code(facts, terms.keys.sik))) return;
    throw this.#refused("the BMC's proof does not match (RAKP 4); it may have a key (K_G) of its own set");
  }

  /** Lets the BMC free the half-open session at once: it has few, and keeps them for a minute. */
  #giveUp(bmcSession: number): void {
    const status = rakp.rakpStatus.invalidIntegrityCheck;
    const packet = encodePlainPacket('rakp3', rakp.encodeFailure({ tag: this.#tag, status, session: bmcSession }));
    this.#conversation.tell(() => packet);
  }

  /** RAKP 3 or 4 was lost: half open or open, the session is of no use to us, and the BMC shall not keep it. */
  #leave(terms: SessionTerms): void {
    const data = encode(closeSession.request, { session: terms.bmcSession });
    const { netFn, command } = closeSession;
    const link = new RmcpPlusLink(terms);
    this.#conversation.tell(() => link.wrap('ipmi', encodeRequest({ netFn, command, sequence: 1, data })));
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
    const detail = `${rakp.rakpStatusTable[status] ?? `unknown status ${status}`} (${step})`;
    if (rakp.fullStatuses.includes(status)) {
      return new NoFreeSession('unfit', { peer: this.#conversation.peer, command: 'Open Session', detail });
    }
    return rakp.credentialStatuses.includes(status) ? this.#refused(detail) : unfit(this.#conversation, detail);
  }

  #refused(detail: string): IpmiError {
    return new IpmiError('refused', { peer: this.#conversation.peer, command: 'Open Session', detail });
  }
}

async function requireIpmi20(conversation: Conversation, budget: Budget): Promise<void> {
  const capabilities = await readCapabilities(conversation, { extended: true, budget });
  if (capabilities?.types.extended && capabilities.versions.ipmi20) return;
  throw unfit(conversation, 'it does not speak IPMI 2.0 (RMCP+) on this channel');
}

/** @param options `extended`: the answer tells of IPMI 2.0, which some old BMCs refuse to be asked for */
export async function readCapabilities(
  conversation: Conversation,
  { extended, budget }: { extended: boolean; budget: Budget },
): Promise<ChannelCapabilities | undefined> {
  const row = getChannelAuthenticationCapabilities;
  const query = { channel: { number: presentChannel, extended }, privilege: { level: privilegeLevels.administrator } };
  const answer = await askOutside(conversation, row, { query, legacy: true, budget });
  return answer.completion === 0 ? decode(row.response, answer.data, row.name) : undefined;
}

async function listCipherSuites(conversation: Conversation, budget: Budget): Promise<number[] | undefined> {
  const records: Buffer[] = [];
  for (let index = 0; index < 0x40; index += 1) {
    const query = { channel: { number: presentChannel }, payloadType: { number: 0 }, list: { index, bySuite: true } };
    try {
      const answer = await askOutside(conversation, getChannelCipherSuites, { query, legacy: false, sends: 1, budget });
      if (answer.completion !== 0) return undefined;
      const page = decode(getChannelCipherSuites.response, answer.data, getChannelCipherSuites.name).records;
      records.push(page);
      if (page.length < 16) break;
    } catch (error) {
      if (error instanceof IpmiError && error.failure === 'silent') return undefined;
      throw error;
    }
  }
  return decodeCipherSuiteIds(Buffer.concat(records));
}

export type OutsideRequest<Q> = { query: Q; legacy: boolean; sends?: number; budget: Budget };

/** A command outside of a session, in the IPMI 1.5 or in the RMCP+ format. */
export function askOutside<Q, R>(
  conversation: Conversation,
  row: Command<Q, R>,
  { query, legacy, ...limits }: OutsideRequest<Q>,
) {
  const sequence = randomBytes(1).readUInt8() & 0x3f;
  const message = encodeRequest({ netFn: row.netFn, command: row.command, sequence, data: encode(row.request, query) });
  const packet = legacy ? encodeLegacyPacket(message) : encodePlainPacket('ipmi', message);
  return conversation.ask({
    ...limits,
    command: row.name,
    packet: () => packet,
    accept: (received) => {
      const answer = decodeResponse(legacy ? decodeLegacyPacket(received) : decodePlainPacket(received).payload);
      const matches = answer.netFn === row.netFn && answer.command === row.command && answer.sequence === sequence;
      return matches ? answer : undefined;
    },
  });
}

export function unfit({ peer }: Conversation, detail: string): IpmiError {
  return new IpmiError('unfit', { peer, command: 'Open Session', detail });
}

function randomSession(): number {
  return randomBytes(4).readUInt32LE() || 1;
}
