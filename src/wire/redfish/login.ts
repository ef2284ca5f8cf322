/** Authentication of requests: a persistent session (DSP0266 section 13.3.4), or basic. */
import { pause } from '#async/timers.ts';
import type { Incoming } from './exchange.ts';
import { linkOf, pathOf } from './links.ts';
import { RedfishError, type RedfishPeer, type Resource } from './redfish-client.ts';
import { readReply } from './reply.ts';

export type Deadline = { readonly signal?: AbortSignal | undefined; readonly until: number };

export type LoginParts = {
  readonly peer: RedfishPeer;
  /** Follows redirects within the deadline. */
  readonly send: (call: LoginCall, headers: Record<string, string>, deadline: Deadline) => Promise<Incoming>;
  readonly root: (asking: Deadline) => Promise<Resource>;
  readonly limits: { readonly refusalMs: number; readonly fullMs: number; readonly fullPauseMs: number };
};

export type LoginCall = {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: {
    readonly body: Buffer;
    readonly headers: Readonly<Record<string, string>>;
    readonly secrets: readonly string[];
  };
  /** Does not wait for a free session here: `open` handles that case. */
  readonly waits: false;
};

type Session = { readonly token: string; readonly path: string | undefined };

const usualSessions = '/redfish/v1/SessionService/Sessions';
/** The service has no sessions, or none for us (406: some AMI firmware). A redirect leads to another origin. */
const withoutSessions = [301, 302, 303, 307, 308, 404, 405, 406, 410, 501];
/** The session service is disabled; Base registry. */
const disabledSign = /ServiceDisabled|ServiceTemporarilyUnavailable|ServiceInUnknownState/;
/** Errors of services without a free session; Base registry, iDRAC (RAC0218), iLO, AMI. */
const fullSign =
  /SessionLimitExceeded|CreateLimitReachedForResource|RAC0218|NoFreeSession|MaxSession|maximum number of (user )?sessions/i;

export class Login {
  readonly #parts: LoginParts;
  #session: Session | undefined;
  #refusal: { error: RedfishError; until: number } | undefined;
  /** Use basic authentication until then: the service has no sessions, or none is free. */
  #basicUntil: number;

  constructor(parts: LoginParts) {
    this.#parts = parts;
    this.#basicUntil = parts.peer.auth === 'basic' ? Number.POSITIVE_INFINITY : 0;
  }

  /** Headers for the next request; opens a session first if there is none. */
  async headers(asking: Deadline): Promise<Record<string, string>> {
    const { peer } = this.#parts;
    if (peer.user === '' && peer.password === '') return {};
    if (this.#refusal && Date.now() < this.#refusal.until) throw this.#refusal.error;
    this.#refusal = undefined;
    if (this.#session === undefined && Date.now() >= this.#basicUntil) this.#session = await this.#open(asking);
    return this.#session === undefined ? { authorization: basic(peer) } : { 'x-auth-token': this.#session.token };
  }

  /**
   * The service rejected the headers. Some services answer 401 for missing privileges, so the session may still be
   * valid: it is deleted, not leaked.
   * @returns whether a retry with new headers is worthwhile
   */
  async rejected(timeout: number): Promise<boolean> {
    const hadSession = this.#session !== undefined;
    await this.close(timeout);
    return hadSession;
  }

  /** No rejected password is retried until `refusalMs` have passed. */
  remember(error: RedfishError): void {
    this.#refusal = { error, until: Date.now() + this.#parts.limits.refusalMs };
  }

  /** Deletes the session, if there is one. */
  async close(timeout: number): Promise<void> {
    const { token, path } = this.#session ?? {};
    this.#session = undefined;
    if (token === undefined || path === undefined) return;
    const call = { method: 'DELETE', path, waits: false } as const;
    await this.#parts.send(call, { 'x-auth-token': token }, { until: Date.now() + timeout }).catch(() => undefined);
  }

  async #open(asking: Deadline): Promise<Session | undefined> {
    const { peer, send, root } = this.#parts;
    const sessions = sessionsPath(await root(asking));
    for (;;) {
      try {
        return await openSession({ peer, send, sessions, asking });
      } catch (error) {
        if (!(error instanceof RedfishError)) throw error;
        if (await this.#isFreeLater(error, asking)) continue;
        if (this.#fallsBack(error)) return undefined;
        if (error.status === 401) this.remember(error);
        throw error;
      }
    }
  }

  /** Waits if no session is free, and basic authentication is not allowed instead. */
  async #isFreeLater(error: RedfishError, asking: Deadline): Promise<boolean> {
    const { peer, limits } = this.#parts;
    if (!isFull(error) || peer.auth === 'auto' || Date.now() + limits.fullPauseMs >= asking.until) return false;
    await pause(limits.fullPauseMs, asking.signal);
    return true;
  }

  /** @returns whether basic authentication is used instead, for some time or for good */
  #fallsBack(error: RedfishError): boolean {
    const { peer, limits } = this.#parts;
    if (peer.auth !== 'auto') return false;
    if (isFull(error)) this.#basicUntil = Date.now() + limits.fullMs;
    else if (hasNoSessions(error)) this.#basicUntil = Number.POSITIVE_INFINITY;
    else return false;
    return true;
  }
}

function isFull({ message, messageIds, status }: RedfishError): boolean {
  return fullSign.test([message, ...messageIds].join(' ')) || status === 503;
}

type Opening = { peer: RedfishPeer; send: LoginParts['send']; sessions: string; asking: Deadline };

async function openSession({ peer, send, sessions, asking }: Opening): Promise<Session> {
  const request = `POST ${sessions}`;
  const body = Buffer.from(JSON.stringify({ UserName: peer.user, Password: peer.password }));
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const secrets = [peer.password];
  const incoming = await send({ method: 'POST', path: sessions, body: { body, headers, secrets }, waits: false }, {}, asking);
  const reply = readReply(incoming, { request, secrets });
  const token = reply.headers['x-auth-token'];
  if (token === undefined) throw new RedfishError('unfit', { request, detail: withoutToken });
  return { token, path: pathOf(reply.headers['location']) ?? pathOf(reply.body['@odata.id']) };
}

/** If the request was redirected to a page of the BMC's web server, the status is one of success. */
const withoutToken = 'the session has no X-Auth-Token';

/**
 * A plain 401 means a wrong password and is not retried with basic: BMCs lock accounts. Some services demand basic
 * explicitly (proxmox-redfish while its sessions are disabled).
 */
function hasNoSessions({ message, messageIds, status = 0 }: RedfishError): boolean {
  const isOff = disabledSign.test(messageIds.join(' ')) || (status === 401 && /\bbasic auth/i.test(message));
  return isOff || withoutSessions.includes(status) || message.endsWith(withoutToken);
}

/** `Links.Sessions` of the service root, which is mandatory. */
function sessionsPath(root: Resource): string {
  const links = root['Links'];
  const sessions = typeof links === 'object' && links !== null && !Array.isArray(links) ? linkOf(links['Sessions']) : undefined;
  return sessions ?? usualSessions;
}

function basic({ user, password }: RedfishPeer): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
