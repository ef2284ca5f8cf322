/** The managed system's side of session opening, IPMI 2.0 rev 1.1 sections 13.17 to 13.23, and the sessions themselves. */
import { randomBytes } from 'node:crypto';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { type CipherSuite, matchCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import * as rakp from '#wire/rmcp/rakp.ts';
import { SequenceCounter, SequenceWindow } from '#wire/rmcp/sequence-window.ts';
import { deriveKeys, passwordKey, type RakpFacts, rakp2Code, rakp3Code, rakp4Code, sameCode } from '#wire/rmcp/session-keys.ts';
import type { SessionSecrets } from '#wire/rmcp/session-packet.ts';
import type { BoardUser } from './board.ts';
import type { Personality } from './personality.ts';

export type BmcUser = { readonly name: string; readonly password: string; readonly privilege?: BoardUser['privilege'] };

export type BmcSession = SessionSecrets & {
  readonly id: number;
  readonly consoleSession: number;
  readonly user: BmcUser;
  /** Highest level the session may be raised to, and the level it has. */
  readonly limit: number;
  level: number;
  lastHeard: number;
  readonly received: SequenceWindow;
  readonly sent: SequenceCounter;
};

type Opening = {
  readonly id: number;
  readonly suite: CipherSuite;
  readonly consoleSession: number;
  lastHeard: number;
  proof?: { facts: RakpFacts; user: BmcUser; key: Buffer };
};

/** Section 6.12.15: a session unheard for 60 s is gone. */
const inactivityMilliseconds = 60_000;

export class BmcSessions {
  readonly #users: readonly BmcUser[];
  readonly #guid: Buffer;
  readonly #personality: () => Personality;
  readonly #openings = new Map<number, Opening>();
  readonly #sessions = new Map<number, BmcSession>();

  constructor(users: readonly BmcUser[], guid: Buffer, personality: () => Personality) {
    this.#users = users;
    this.#guid = guid;
    this.#personality = personality;
  }

  get count(): number {
    this.#sweep();
    return this.#sessions.size;
  }

  find(id: number): BmcSession | undefined {
    return this.#sessions.get(id);
  }

  close(id: number): boolean {
    return this.#sessions.delete(id);
  }

  clear(): void {
    this.#sessions.clear();
    this.#openings.clear();
  }

  answerOpenSession(payload: Buffer): Buffer {
    const { tag, consoleSession, privilege, algorithms } = rakp.decodeOpenSessionRequest(payload);
    const refuse = (status: number) => rakp.encodeFailure({ tag, status, session: consoleSession });
    const suite = matchCipherSuite(algorithms);
    const { cipherSuites, sessionLimit } = this.#personality();
    if (!suite || !cipherSuites.includes(suite.id)) return refuse(rakp.rakpStatus.noCipherSuiteMatch);
    this.#sweep();
    if (this.#sessions.size >= sessionLimit) return refuse(rakp.rakpStatus.noResources);
    const id = this.#freshId();
    this.#openings.set(id, { id, suite, consoleSession, lastHeard: performance.now() });
    return rakp.encodeOpenSessionResponse({
      tag,
      status: rakp.rakpStatus.ok,
      privilege: privilege || privilegeLevels.administrator,
      consoleSession,
      bmcSession: id,
      algorithms: suite,
    });
  }

  /** The same RAKP 1 again gets the same answer. @returns undefined for a session that was never asked for: silence. */
  answerRakp1(payload: Buffer): Buffer | undefined {
    const { tag, bmcSession, random, role, user: name } = rakp.decodeRakp1(payload);
    const opening = this.#openings.get(bmcSession);
    if (!opening) return undefined;
    opening.lastHeard = performance.now();
    const refuse = (status: number) => rakp.encodeFailure({ tag, status, session: opening.consoleSession });
    const user = this.#users.find((candidate) => Buffer.from(candidate.name).equals(name));
    if (!user) return refuse(rakp.rakpStatus.unauthorizedName);
    if ((role & 0x0f) > limitOf(user)) return refuse(rakp.rakpStatus.unauthorizedRole);
    const repeated = opening.proof?.facts.consoleRandom.equals(random) ? opening.proof : undefined;
    const facts: RakpFacts = repeated?.facts ?? {
      suite: opening.suite,
      consoleSession: opening.consoleSession,
      bmcSession,
      consoleRandom: Buffer.from(random),
      bmcRandom: randomBytes(16),
      bmcGuid: this.#guid,
      role,
      user: Buffer.from(name),
    };
    const key = repeated?.key ?? this.#keyOf(user);
    opening.proof = { facts, user, key };
    return rakp.encodeRakp2({
      tag,
      status: rakp.rakpStatus.ok,
      consoleSession: opening.consoleSession,
      random: facts.bmcRandom,
      guid: this.#guid,
      code: rakp2Code(facts, key),
    });
  }

  answerRakp3(payload: Buffer): Buffer | undefined {
    // A console that gives up sends the head alone; there is nothing to answer then.
    if (payload[1] !== rakp.rakpStatus.ok) {
      if (payload.length >= 8) this.#openings.delete(payload.readUInt32LE(4));
      return undefined;
    }
    const { tag, bmcSession, code } = rakp.decodeRakp3(payload);
    const opening = this.#openings.get(bmcSession);
    if (!opening?.proof) return undefined;
    this.#openings.delete(bmcSession);
    const { facts, key } = opening.proof;
    if (!sameCode(code, rakp3Code(facts, key))) {
      return rakp.encodeFailure({ tag, status: rakp.rakpStatus.invalidIntegrityCheck, session: opening.consoleSession });
    }
    const session = this.#activate(opening, opening.proof);
    return rakp.encodeRakp4({
      tag,
      status: rakp.rakpStatus.ok,
      consoleSession: opening.consoleSession,
      code: rakp4Code(facts, session.keys.sik),
    });
  }

  #keyOf({ password }: BmcUser): Buffer {
    return this.#personality().refusePassword ? randomBytes(20) : passwordKey(password);
  }

  #activate({ id, suite, consoleSession }: Opening, { facts, user, key }: NonNullable<Opening['proof']>): BmcSession {
    const session: BmcSession = {
      id,
      suite,
      consoleSession,
      user,
      keys: deriveKeys(facts, key),
      limit: facts.role & 0x0f || limitOf(user),
      level: privilegeLevels.user,
      lastHeard: performance.now(),
      received: new SequenceWindow(),
      sent: new SequenceCounter(),
    };
    this.#sessions.set(id, session);
    return session;
  }

  #sweep(): void {
    const oldest = performance.now() - inactivityMilliseconds;
    for (const table of [this.#openings, this.#sessions]) {
      for (const [id, { lastHeard }] of table) if (lastHeard < oldest) table.delete(id);
    }
  }

  #freshId(): number {
    for (;;) {
      const id = randomBytes(4).readUInt32LE();
      if (id !== 0 && !this.#sessions.has(id) && !this.#openings.has(id)) return id;
    }
  }
}

function limitOf(user: BmcUser): number {
  return privilegeLevels[user.privilege ?? 'administrator'];
}
