/**
 * The issuer of OpenID Connect that the settings name. It says whose an access token is: by its signature, or, for tokens
 * that are no JWT, by introspection (RFC 7662). What it says is about tokens for the audience of the settings alone.
 */
import type { JWTPayload } from 'jose';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';
import { readAuthorities } from '#images/fetch/authorities.ts';
import { HashQueue } from '../hash-queue.ts';
import type { LoginClient } from '../login-guard.ts';
import type { OidcSettings } from '../settings.ts';
import { challengeOf } from './browser-logins.ts';
import type { Claims, CodeLogin, IssuerOfTokens } from './contract.ts';
import { IssuerFacts } from './issuer-facts.ts';
import { IssuerError, IssuerHttp } from './issuer-http.ts';

const Text = Type.String({ minLength: 1, maxLength: 255 });
/** Of all that is said about a token, what is checked here. */
const KnownClaims = Type.Object({
  sub: Text,
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  azp: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String()),
  exp: Type.Optional(Type.Number()),
  nbf: Type.Optional(Type.Number()),
});
const claimsCheck = Compile(KnownClaims);
const introspectionCheck = Compile(Type.Object({ active: Type.Boolean() }));
const tokensCheck = Compile(Type.Object({ id_token: Type.String(), access_token: Type.String() }));
const userinfoCheck = Compile(Type.Object({ sub: Text }));

/** As far as they are checked here. */
type Checked = Static<typeof KnownClaims> & Claims;

type Log = { info(fields: object, message: string): void; error(fields: object, message: string): void };

/** Clocks may differ by so much (seconds). */
const tolerance = 30;
/** Tokens that are looked at at the same time. */
const atOnce = 8;
/** Errors of jose that are about keys which the issuer may have replaced. */
const unknownKey = 'ERR_JWKS_NO_MATCHING_KEY';

export class Issuer implements IssuerOfTokens {
  readonly name: string;
  readonly sessionMs: number;
  readonly #settings: OidcSettings;
  readonly #http: IssuerHttp;
  readonly #facts: IssuerFacts;
  readonly #queue = new HashQueue(atOnce);
  readonly #log: Log;
  #isAway = false;

  /** @throws Fault `badRequest` that names a setting */
  constructor(settings: OidcSettings, log: Log) {
    this.name = settings['oidc.issuer'];
    this.sessionMs = settings['oidc.token_lifetime'] * 1000;
    this.#settings = settings;
    this.#log = log;
    if (settings['oidc.audience'].length === 0)
      throw new Fault('badRequest', { detail: 'setting oidc.audience is missing: tokens for anything else would do' });
    const file = settings['oidc.cafile'];
    const authorities = file === '' ? undefined : readAuthorities('oidc.cafile', file);
    this.#http = new IssuerHttp({ authorities, timeoutMs: settings['oidc.timeout'] * 1000 });
    this.#facts = new IssuerFacts(this.name, this.#http);
  }

  close(): void {
    this.#http.close();
  }

  async claimsOf(token: string, client: LoginClient): Promise<Claims> {
    return this.#asked(client, () => this.#claims(token));
  }

  async loginPage({ state, redirect_uri, proofs }: Parameters<IssuerOfTokens['loginPage']>[0]): Promise<string> {
    const { authorization_endpoint } = await this.#read(() => this.#clientFacts());
    const page = this.#facts.urlOf(authorization_endpoint);
    const asked = {
      ...{ response_type: 'code', client_id: this.#settings['oidc.client_id'], scope: this.#settings['oidc.scope'] },
      ...{ redirect_uri, state, nonce: proofs.nonce, code_challenge: challengeOf(proofs), code_challenge_method: 'S256' },
    };
    for (const [name, value] of Object.entries(asked)) page.searchParams.set(name, value);
    return page.href;
  }

  claimsOfCode(login: CodeLogin, client: LoginClient): Promise<Claims> {
    return this.#asked(client, () => this.#exchange(login));
  }

  async #asked(client: LoginClient, claims: () => Promise<Checked | undefined>): Promise<Claims> {
    const work = () => this.#read(claims);
    const said = await this.#queue.run({ address: client.address, isKnown: false, isAborted: () => client.isGone(), work });
    if (said !== undefined) return said;
    client.log.warn({ address: client.address }, 'a token or a code that is not valid here');
    throw new Fault('unauthorized');
  }

  async #read<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const said = await ask();
      if (this.#isAway) this.#log.info({ issuer: this.name }, 'the issuer of OpenID Connect can be asked again');
      this.#isAway = false;
      return said;
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error;
      if (!this.#isAway)
        this.#log.error(
          { issuer: this.name, detail: error.message },
          'the issuer of OpenID Connect cannot be asked: logins are refused with status 503',
        );
      this.#isAway = true;
      throw new Fault('identityProviderUnavailable', {}, error);
    }
  }

  /** Ingot itself must be a client of the issuer. */
  async #clientFacts() {
    if (this.#settings['oidc.client_id'] === '') {
      const detail = 'Browsers cannot log in by this issuer of OpenID Connect: the setting oidc.client_id is missing.';
      throw new Fault('forbidden', { detail });
    }
    const { authorization_endpoint, token_endpoint } = await this.#facts.metadata();
    if (authorization_endpoint === undefined || token_endpoint === undefined)
      throw new IssuerError('its configuration has no endpoints for logins of browsers');
    return { authorization_endpoint, token_endpoint };
  }

  /** OpenID Connect Core, sections 3.1.3 and 5.3: the ID token says who has logged in, the issuer more about the user. */
  async #exchange({ code, redirect_uri, proofs }: CodeLogin): Promise<Checked | undefined> {
    const { 'oidc.client_id': client_id, 'oidc.client_secret': secret } = this.#settings;
    const { token_endpoint } = await this.#clientFacts();
    const { status, body } = await this.#http.send({
      url: this.#facts.urlOf(token_endpoint),
      ...(secret !== '' && { authorization: basic(client_id, secret) }),
      form: {
        ...{ grant_type: 'authorization_code', code, redirect_uri, code_verifier: proofs.verifier },
        ...(secret === '' && { client_id }),
      },
    });
    // The code is not known, was used already, or belongs to another login.
    if (status === 400) return undefined;
    if (status !== 200 || !tokensCheck.Check(body))
      throw new IssuerError(`it answered a code of a login with status ${status}, and no tokens`);
    const claims = await this.#verify(body.id_token);
    const isOurs = claims && [claims.aud ?? []].flat().includes(client_id) && (claims.azp ?? client_id) === client_id;
    if (!isOurs || claims['nonce'] !== proofs.nonce) return undefined;
    return this.#withUserinfo(body.access_token, { ...claims, scope: 'openid' }, true);
  }

  async #claims(token: string): Promise<Checked | undefined> {
    const isSigned = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
    const claims = isSigned ? await this.#verify(token) : await this.#introspect(token);
    if (!claims || !isFor(claims, this.#settings['oidc.audience'])) return undefined;
    return this.#withUserinfo(token, claims, isSigned);
  }

  /** jose is loaded where an issuer is asked. */
  async #verify(token: string): Promise<Checked | undefined> {
    const { createLocalJWKSet, jwtVerify } = await import('jose');
    const verify = (keys: Parameters<typeof createLocalJWKSet>[0]) =>
      jwtVerify(token, createLocalJWKSet(keys), {
        ...{ issuer: this.name, algorithms: this.#settings['oidc.signature_algorithms'] },
        ...{ clockTolerance: tolerance, requiredClaims: ['exp', 'sub'] },
      });
    const first = await outcomeOf(verify(await this.#facts.keys()));
    if ('payload' in first) return checked(first.payload);
    const newer = first.code === unknownKey ? await this.#facts.newerKeys() : undefined;
    const second = newer && (await outcomeOf(verify(newer)));
    return second && 'payload' in second ? checked(second.payload) : undefined;
  }

  async #introspect(token: string): Promise<Checked | undefined> {
    const { 'oidc.client_id': id, 'oidc.client_secret': secret } = this.#settings;
    const { introspection_endpoint } = id === '' ? {} : await this.#facts.metadata();
    if (introspection_endpoint === undefined) return undefined;
    const { status, body } = await this.#http.send({
      url: this.#facts.urlOf(introspection_endpoint),
      authorization: basic(id, secret),
      form: { token, token_type_hint: 'access_token' },
    });
    if (status !== 200 || !introspectionCheck.Check(body))
      throw new IssuerError(`it answered a question about a token with status ${status}`);
    const claims = body.active ? checked(body) : undefined;
    const now = Date.now() / 1000;
    const isNow = (claims?.exp ?? Number.POSITIVE_INFINITY) > now - tolerance && (claims?.nbf ?? 0) <= now + tolerance;
    return claims && isNow && (claims.iss === undefined || claims.iss === this.name) ? claims : undefined;
  }

  /** Of a user who has logged in by OpenID Connect; what the token itself says comes first. */
  async #withUserinfo(token: string, claims: Checked, isSigned: boolean): Promise<Checked | undefined> {
    const isOfUser = typeof claims.scope === 'string' && claims.scope.split(' ').includes('openid');
    const { userinfo_endpoint } = isOfUser && this.#settings['oidc.userinfo'] ? await this.#facts.metadata() : {};
    if (userinfo_endpoint === undefined) return claims;
    const { status, body } = await this.#http.send({
      url: this.#facts.urlOf(userinfo_endpoint),
      authorization: `Bearer ${token}`,
    });
    // A token that was signed for a resource may be none for questions about its user (RFC 8707); another one has ended.
    if (status === 401 || status === 403) return isSigned ? claims : undefined;
    if (status !== 200 || !userinfoCheck.Check(body))
      throw new IssuerError(`it answered a question about a user with status ${status}`);
    // OpenID Connect Core, section 5.3.2: or it is about somebody else.
    return body.sub === claims.sub ? { ...body, ...claims } : undefined;
  }
}

/** The audience is the service, or the client to which the token was given. */
function isFor({ aud = [], azp, client_id }: Checked, audience: readonly string[]): boolean {
  return [aud, azp ?? client_id ?? []].flat().some((each) => audience.includes(each));
}

function checked(said: object): Checked | undefined {
  return claimsCheck.Check(said) ? (said as Checked) : undefined;
}

type Outcome = { readonly payload: JWTPayload } | { readonly code: unknown };

/** Whatever is wrong with a token is no error of this service. */
function outcomeOf(verified: Promise<{ payload: JWTPayload }>): Promise<Outcome> {
  return verified.catch((error: { code?: unknown }) => ({ code: error.code }));
}

/** RFC 6749, section 2.3.1: both are encoded as in a form. */
function basic(id: string, secret: string): string {
  const encoded = [id, secret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`;
}
