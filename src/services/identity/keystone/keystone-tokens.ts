/**
 * Tokens that an existing Keystone has issued. It is asked about each, as keystonemiddleware does; what it said holds for
 * `keystone.token_cache_time`. What is not valid is not kept.
 */
import { Semaphore } from '#async/semaphore.ts';
import { SingleFlight } from '#async/single-flight.ts';
import { Fault } from '#domain/faults.ts';
import { readAuthorities } from '#images/fetch/authorities.ts';
import type { Caller } from '../../caller.ts';
import { KnownTokens } from '../known-tokens.ts';
import type { KeystoneSettings } from '../settings.ts';
import type { FoundCaller, TokenReader } from '../token-reader.ts';
import type { TokenPayload } from '../tokens.ts';
import { KeystoneError, KeystoneHttp, type KeystoneReply } from './keystone-http.ts';
import { ServiceLogin } from './service-login.ts';
import { readTokenReply } from './token-reply.ts';

/** Questions at once; the others wait no longer than for one that is not answered. */
const questionsMax = 32;
/** Anything else is no token: it would not be a header. */
const tokenShape = /^[\x21-\x7e]{1,4096}$/;

type Log = Readonly<Record<'error' | 'info', (fields: object, message: string) => void>>;

export class KeystoneTokens implements TokenReader {
  readonly #settings: KeystoneSettings;
  readonly #log: Log;
  readonly #http: KeystoneHttp;
  readonly #login: ServiceLogin;
  readonly #known: KnownTokens<TokenPayload>;
  /** By its audit id, the text of a token that was valid: only with it can Keystone be asked again. */
  readonly #texts = new Map<string, string>();
  /** The same for what is in use, however many tokens came since: a request that waits, a console that is open. */
  readonly #textOf = new WeakMap<TokenPayload, string>();
  /** Payloads that hold although they have expired. */
  readonly #lasting = new WeakSet<TokenPayload>();
  readonly #keptMax: number;
  readonly #questions = new SingleFlight();
  readonly #slots = new Semaphore(questionsMax);
  #isAway = false;

  /** @throws Fault `badRequest` that names a setting */
  constructor(settings: KeystoneSettings, log: Log, { keptMax = 5000 } = {}) {
    this.#settings = settings;
    this.#log = log;
    const file = settings['keystone.cafile'];
    this.#http = new KeystoneHttp({
      url: settings['keystone.auth_url'],
      authorities: file === '' ? undefined : readAuthorities('keystone.cafile', file),
      timeoutMs: settings['keystone.timeout'] * 1000,
    });
    this.#login = new ServiceLogin(this.#http, settings);
    this.#keptMax = keptMax;
    this.#known = new KnownTokens({ keptMax, keptFor: settings['keystone.token_cache_time'] * 1000 });
  }

  /** Where clients get tokens. */
  get uriForClients(): string {
    return this.#settings['keystone.www_authenticate_uri'] || this.#settings['keystone.auth_url'];
  }

  /** Logs in as Ingot's user, so that the log tells at the start what every request would. */
  async check(): Promise<void> {
    await this.#ask(async () => this.#login.token()).catch(() => {});
  }

  close(): void {
    this.#http.close();
  }

  async read(token: string, serviceToken: string | undefined): Promise<FoundCaller | undefined> {
    if (serviceToken === undefined) return this.#find(token);
    const service = await this.#find(serviceToken);
    if (!service) return undefined;
    const wanted = this.#settings['keystone.service_token_roles'];
    const isService = service.caller.roles.some((role) => wanted.includes(role));
    if (isService) return withoutRules((await this.#find(token)) ?? (await this.#findExpired(token)));
    return this.#settings['keystone.service_token_roles_required'] ? undefined : this.#find(token);
  }

  async recheck(payload: TokenPayload): Promise<Caller | undefined> {
    const text = this.#textOf.get(payload) ?? this.#texts.get(payload.audit_ids[0] ?? '');
    if (text === undefined) return undefined;
    this.#textOf.set(payload, text);
    const found = (await this.#find(text)) ?? (this.#lasting.has(payload) ? await this.#findExpired(text) : undefined);
    return found?.caller;
  }

  async #find(text: string): Promise<FoundCaller | undefined> {
    const token = text.trim();
    const known = this.#known.find(token, 0);
    if (known) return known;
    const found = await this.#validate(token, '/auth/tokens?nocatalog=1');
    if (!found || Date.parse(found.payload.expires_at) <= Date.now()) return undefined;
    this.#known.keep(token, found, 0);
    this.#remember(token, found.payload);
    return found;
  }

  async #findExpired(text: string): Promise<FoundCaller | undefined> {
    const token = text.trim();
    const found = await this.#validate(token, '/auth/tokens?nocatalog=1&allow_expired=1');
    if (!found) return undefined;
    this.#lasting.add(found.payload);
    this.#remember(token, found.payload);
    return found;
  }

  #remember(text: string, payload: TokenPayload): void {
    this.#textOf.set(payload, text);
    const [id = ''] = payload.audit_ids;
    this.#texts.delete(id);
    this.#texts.set(id, text);
    if (this.#texts.size > this.#keptMax) this.#texts.delete(this.#texts.keys().next().value as string);
  }

  async #validate(token: string, path: string): Promise<FoundCaller | undefined> {
    if (!tokenShape.test(token)) return undefined;
    return this.#questions.run(`${path} ${token}`, () => this.#ask(() => this.#question(token, path)));
  }

  async #question(token: string, path: string): Promise<FoundCaller | undefined> {
    let reply = await this.#sendAsService(token, path);
    // Ingot's own token was revoked: another one may do.
    if (reply.status === 401) reply = await this.#sendAsService(token, path);
    if (reply.status === 404) return undefined;
    if (reply.status !== 200) throw new KeystoneError(`it responded to a question about a token with status ${reply.status}`);
    return readTokenReply(reply.body);
  }

  async #sendAsService(token: string, path: string): Promise<KeystoneReply> {
    const own = await this.#login.token();
    // Keystone shows tokens with access rules only to those who check these.
    const headers = { 'x-auth-token': own, 'x-subject-token': token, 'openstack-identity-access-rules': '1' };
    const reply = await this.#http.send({ method: 'GET', path, headers });
    if (reply.status === 401) this.#login.forget(own);
    return reply;
  }

  /** @throws Fault `keystoneUnavailable`; logs when that begins and ends */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    const url = this.#settings['keystone.auth_url'];
    const signal = AbortSignal.timeout(this.#settings['keystone.timeout'] * 1000);
    try {
      const result = await this.#slots.run(question, signal);
      if (this.#isAway) this.#log.info({ url }, 'Keystone responds again');
      this.#isAway = false;
      return result;
    } catch (error) {
      const isQueued = signal.aborted && error === signal.reason;
      if (!(error instanceof KeystoneError) && !isQueued) throw error;
      const detail = isQueued ? 'it takes too long to respond' : (error as Error).message;
      if (!this.#isAway) this.#log.error({ url, detail }, 'Keystone cannot be asked: requests are refused with status 503');
      this.#isAway = true;
      throw new Fault('keystoneUnavailable', { detail }, error);
    }
  }
}

/** As in keystonemiddleware: access rules are about requests that a user sends, not about those that follow from them. */
function withoutRules(found: FoundCaller | undefined): FoundCaller | undefined {
  if (!found) return undefined;
  const { access_rules: _, ...caller } = found.caller;
  return { payload: found.payload, caller };
}
