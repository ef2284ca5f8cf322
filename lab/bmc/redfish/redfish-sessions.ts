/**
 * Sessions of a Redfish service (DSP0266, "Session management"): found by token, ended by DELETE or timeout. No timers.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { BmcModel, BmcModelUser } from '../bmc-model.ts';
import type { BmcProfile } from '../bmc-profile.ts';
import { RedfishRefusal } from './messages.ts';

export type RedfishSession = { readonly id: string; readonly token: string; readonly user: BmcModelUser; lastHeard: number };

export class RedfishSessions {
  readonly #bmcModel: BmcModel;
  readonly #profile: () => BmcProfile;
  readonly #byToken = new Map<string, RedfishSession>();
  #lastId = 0;
  #logins = 0;
  /** Seconds, as set by a client. */
  timeout: number | undefined;

  constructor(bmcModel: BmcModel, profile: () => BmcProfile) {
    this.#bmcModel = bmcModel;
    this.#profile = profile;
  }

  get all(): readonly RedfishSession[] {
    this.#sweep();
    return [...this.#byToken.values()];
  }

  /** Number of sessions opened since the start. */
  get logins(): number {
    return this.#logins;
  }

  get timeoutSeconds(): number {
    return this.timeout ?? this.#profile().redfish.sessionTimeout;
  }

  /** @throws RedfishRefusal for a wrong password, or at the session limit. */
  open(name: unknown, password: unknown): RedfishSession {
    const user = this.#check(name, password);
    if (this.all.length >= this.#profile().sessionLimit) throw new RedfishRefusal('SessionLimitExceeded');
    this.#lastId += 1;
    this.#logins += 1;
    const session = { id: String(this.#lastId), token: randomBytes(16).toString('hex'), user, lastHeard: performance.now() };
    this.#byToken.set(session.token, session);
    return session;
  }

  find(id: string): RedfishSession | undefined {
    return this.all.find((session) => session.id === id);
  }

  close(id: string): void {
    const session = this.find(id);
    if (session) this.#byToken.delete(session.token);
  }

  clear(): void {
    this.#byToken.clear();
  }

  /** Authenticates the requester by `X-Auth-Token` or basic authentication. @throws RedfishRefusal */
  authenticate(token: string | undefined, authorization: string | undefined): BmcModelUser {
    if (token !== undefined) return this.#byTokenOrRefuse(token);
    const [, words] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '') ?? [];
    if (!words || !this.#profile().redfish.basicAuth) throw new RedfishRefusal('NoValidSession');
    const [, name, password] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(words, 'base64').toString()) ?? [];
    return this.#check(name, password);
  }

  #byTokenOrRefuse(token: string): BmcModelUser {
    this.#sweep();
    const session = this.#byToken.get(token);
    if (!session) throw new RedfishRefusal('NoValidSession');
    session.lastHeard = performance.now();
    return session.user;
  }

  #check(name: unknown, password: unknown): BmcModelUser {
    const user = this.#bmcModel.users.find((candidate) => candidate.name === name && candidate.name !== '');
    const isRight = user && typeof password === 'string' && same(password, user.password);
    if (!isRight || this.#profile().refusePassword) throw new RedfishRefusal('ResourceAtUriUnauthorized');
    return user;
  }

  #sweep(): void {
    const oldest = performance.now() - this.timeoutSeconds * 1000;
    for (const [token, { lastHeard }] of this.#byToken) if (lastHeard < oldest) this.#byToken.delete(token);
  }
}

function same(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
