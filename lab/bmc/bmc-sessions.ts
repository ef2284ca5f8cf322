/** The managed system's side of session opening, IPMI 2.0 rev 1.1 sections 13.17 to 13.23, and the sessions themselves. */
import { randomBytes } from 'node:crypto';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { RmcpPlusLink, type SessionLink } from '#wire/ipmi/session-link.ts';
import { type CipherSuite, matchCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import * as rakp from '#wire/rmcp/rakp.ts';
import {
  deriveKeys,
  passwordKey,
  type RakpFacts,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  type SessionKeys,
  sameCode,
} from '#wire/rmcp/session-keys.ts';
import type { Peer } from '#wire/udp/datagrams.ts';
import type { BmcModelUser } from './bmc-model.ts';
import type { BmcProfile } from './bmc-profile.ts';

export type BmcUser = { readonly name: string; readonly password: string; readonly privilege?: BmcModelUser['privilege'] };

export type BmcSession = {
  readonly id: number;
  readonly link: SessionLink;
  readonly user: BmcUser;
  /** Highest privilege level the session may be raised to, and its current level. */
  readonly limit: number;
  level: number;
  lastHeard: number;
  /** Source of its packets, for unsolicited messages. */
  from?: Peer;
};

type Opening = {
  readonly id: number;
  readonly suite: CipherSuite;
  readonly consoleSession: number;
  /** As requested by Open Session. */
  readonly privilege: number;
  lastHeard: number;
  proof?: { facts: RakpFacts; user: BmcUser; key: Buffer };
};

export type BmcSessionsOptions = {
  readonly users: readonly BmcUser[];
  readonly guid: Buffer;
  readonly profile: () => BmcProfile;
  /** Called for each session that is closed, dropped or forgotten. */
  readonly onEnd: (session: BmcSession) => void;
};

/** Section 6.12.15: a session times out after 60 s of inactivity. */
const inactivityMilliseconds = 60_000;

export class BmcSessions {
  readonly #users: readonly BmcUser[];
  readonly #guid: Buffer;
  readonly #profile: () => BmcProfile;
  readonly #onEnd: (session: BmcSession) => void;
  readonly #openings = new Map<number, Opening>();
  readonly #sessions = new Map<number, BmcSession>();

  constructor({ users, guid, profile, onEnd }: BmcSessionsOptions) {
    this.#users = users;
    this.#guid = guid;
    this.#profile = profile;
    this.#onEnd = onEnd;
  }

  get count(): number {
    this.#sweep();
    return this.#sessions.size;
  }

  find(id: number): BmcSession | undefined {
    return this.#sessions.get(id);
  }

  close(id: number): boolean {
    const session = this.#sessions.get(id);
    if (!session) return false;
    this.#sessions.delete(id);
    this.#onEnd(session);
    return true;
  }

  clear(): void {
    for (const id of this.#sessions.keys()) this.close(id);
    this.#openings.clear();
  }

  /** @returns undefined when the session limit is reached */
  add(session: Omit<BmcSession, 'id' | 'lastHeard'>, id = this.freshId()): BmcSession | undefined {
    if (this.isFull) return undefined;
    const added = { ...session, id, lastHeard: performance.now() };
    this.#sessions.set(id, added);
    return added;
  }

  get isFull(): boolean {
    return this.count >= this.#profile().sessionLimit;
  }

  answerOpenSession(payload: Buffer): Buffer {
    const { tag, consoleSession, privilege, algorithms } = rakp.decodeOpenSessionRequest(payload);
    const refuse = (status: number) => rakp.encodeFailure({ tag, status, session: consoleSession });
    const suite = matchCipherSuite(algorithms);
    const { cipherSuites } = this.#profile();
    if (!suite || !cipherSuites.includes(suite.id)) return refuse(rakp.rakpStatus.noCipherSuiteMatch);
    if (this.isFull) return refuse(rakp.rakpStatus.noResources);
    const id = this.freshId();
    this.#openings.set(id, { id, suite, consoleSession, privilege, lastHeard: performance.now() });
    return rakp.encodeOpenSessionResponse({
      tag,
      status: rakp.rakpStatus.ok,
      privilege: privilege || privilegeLevels.administrator,
      consoleSession,
      bmcSession: id,
      algorithms: suite,
    });
  }

  /** A repeated RAKP 1 gets the same response. @returns undefined for a session that was not requested: no response. */
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
      role: this.#is('opensesspriv') ? (role & 0xf0) | opening.privilege : role,
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
      code: Buffer.concat([rakp2Code(facts, key), Buffer.alloc(this.#is('supermicro20') ? 1 : 0)]),
    });
  }

  #is(oddity: BmcProfile['oddSessions'][number]): boolean {
    return this.#profile().oddSessions.includes(oddity);
  }

  answerRakp3(payload: Buffer): Buffer | undefined {
    // A console that aborts sends only the header; no response is due.
    if (payload[1] !== rakp.rakpStatus.ok) {
      if (payload.length >= 8) this.#openings.delete(payload.readUInt32LE(4));
      return undefined;
    }
    const { tag, bmcSession, code } = rakp.decodeRakp3(payload);
    const opening = this.#openings.get(bmcSession);
    if (!opening?.proof) return undefined;
    this.#openings.delete(bmcSession);
    const { facts, key } = opening.proof;
    const proof = this.#is('intelplus') ? { ...facts, role: facts.role & 0x0f } : facts;
    if (!sameCode(code, rakp3Code(proof, key))) {
      return rakp.encodeFailure({ tag, status: rakp.rakpStatus.invalidIntegrityCheck, session: opening.consoleSession });
    }
    const keys = deriveKeys(facts, key);
    this.#activate(opening, opening.proof, keys);
    return rakp.encodeRakp4({
      tag,
      status: rakp.rakpStatus.ok,
      consoleSession: opening.consoleSession,
      code: rakp4Code(facts, keys.sik),
    });
  }

  #keyOf({ password }: BmcUser): Buffer {
    return this.#profile().refusePassword ? randomBytes(20) : passwordKey(password);
  }

  #activate({ id, suite, consoleSession }: Opening, { facts, user }: NonNullable<Opening['proof']>, keys: SessionKeys): void {
    this.#sessions.set(id, {
      id,
      // Both ends are the same, except for which session id is whose.
      link: new RmcpPlusLink({ suite, keys, consoleSession: id, bmcSession: consoleSession }),
      user,
      limit: facts.role & 0x0f || limitOf(user),
      level: privilegeLevels.user,
      lastHeard: performance.now(),
    });
  }

  #sweep(): void {
    const oldest = performance.now() - inactivityMilliseconds;
    for (const [id, { lastHeard }] of this.#openings) if (lastHeard < oldest) this.#openings.delete(id);
    for (const [id, { lastHeard }] of this.#sessions) if (lastHeard < oldest) this.close(id);
  }

  freshId(): number {
    for (;;) {
      const id = randomBytes(4).readUInt32LE();
      if (id !== 0 && !this.#sessions.has(id) && !this.#openings.has(id)) return id;
    }
  }
}

export function limitOf(user: BmcUser): number {
  return privilegeLevels[user.privilege ?? 'administrator'];
}
