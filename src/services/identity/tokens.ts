/**
 * Tokens are signed, not stored: `<payload>.<HMAC-SHA-256>`, both base64url. Only a revoked token leaves a row, which
 * has its audit id, never its text. The key is in the state folder, so tokens survive a restart.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';
import { LessThan } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';
import { KnownTokens } from './known-tokens.ts';

const Time = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' });
const Revision = Type.Integer({ minimum: 0 });

/** Limits how often a token can be exchanged for another one; enough for every client. */
const longestChain = 32;

const TokenScope = Type.Object(
  {
    scope_type: Type.Union([Type.Literal('system'), Type.Literal('domain'), Type.Literal('project')]),
    scope_id: Type.String({ minLength: 1 }),
  },
  { additionalProperties: false },
);

const Payload = Type.Object(
  {
    user_id: Type.String({ minLength: 1 }),
    /** null = an unscoped token. */
    scope: Type.Union([TokenScope, Type.Null()]),
    methods: Type.Array(Type.String(), { minItems: 1 }),
    issued_at: Time,
    expires_at: Time,
    /** The token's own id, its parent's, and so on to the token issued for a secret. */
    audit_ids: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: longestChain }),
    /** The user's revision when the token was issued (`store/token-revisions.ts`). */
    user_revision: Revision,
    /** The revision of the user in the scope; 0 for an unscoped token. */
    scope_revision: Revision,
    application_credential_id: Type.Optional(Type.String({ minLength: 1 })),
    /** Of a user of an identity provider: how the login was made. */
    federation: Type.Optional(
      Type.Object({ identity_provider: Type.String(), protocol: Type.String() }, { additionalProperties: false }),
    ),
    /** The revision: of the users on whom the trust rests. That of the scope is then of whose roles they are. */
    trust: Type.Optional(Type.Object({ id: Type.String({ minLength: 1 }), revision: Revision }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
const payloadCheck = Compile(Payload);

/** A payload that was stored; undefined if another version of Ingot wrote it in another form. */
export function readPayload(stored: unknown): TokenPayload | undefined {
  return payloadCheck.Check(stored) ? stored : undefined;
}

export type TokenPayload = Static<typeof Payload>;
export type TokenClaims = Omit<TokenPayload, 'issued_at' | 'expires_at' | 'audit_ids'>;
/** Limits on a token's expiry: the token it was exchanged for, its application credential or trust. */
type Limits = { readonly parent?: TokenPayload | undefined; readonly notAfter?: string | null | undefined };

const lifetimeMs = 12 * 3600 * 1000;
/** Characters; a token with the longest chain has about 1,700. */
const longestToken = 4096;
/** Rows outlive the tokens they revoke: a clock that is set back must not revive any. */
const keepMs = 7 * 24 * 3600 * 1000;

export class Tokens {
  /** Tokens that need not be read again. */
  readonly known = new KnownTokens<TokenPayload>();
  readonly #store: Store;
  readonly #key: Buffer;

  /** @param key at least 32 random bytes */
  constructor(store: Store, key: Buffer) {
    if (key.length < 32) throw new Fault('internal', { detail: 'the token key must have at least 32 bytes' });
    this.#store = store;
    this.#key = key;
  }

  /** The same tokens, using a transaction. */
  trx(store: Store): Tokens {
    return new Tokens(store, this.#key);
  }

  issue(claims: TokenClaims, { parent, notAfter }: Limits = {}): { token: string; payload: TokenPayload } {
    const ancestors = parent?.audit_ids ?? [];
    if (ancestors.length >= longestChain)
      throw new Fault('forbidden', { detail: 'This token was exchanged too often: authenticate with a password again.' });
    const now = Date.now();
    const ends = [now + lifetimeMs, ...[parent?.expires_at, notAfter].flatMap((time) => (time ? [Date.parse(time)] : []))];
    const payload: TokenPayload = {
      ...claims,
      issued_at: new Date(now).toISOString(),
      expires_at: new Date(Math.min(...ends)).toISOString(),
      audit_ids: [randomBytes(16).toString('base64url'), ...ancestors],
    };
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return { token: `${body}.${this.#sign(body)}`, payload };
  }

  /** The payload of an authentic, unexpired, unrevoked token; undefined otherwise. @param graceMs see `isLive` */
  async verify(token: string, graceMs = 0): Promise<TokenPayload | undefined> {
    const payload = this.#open(token);
    return payload && (await this.isLive(payload, graceMs)) ? payload : undefined;
  }

  /** Neither revoked, nor descended from a revoked token, nor expired longer ago than `graceMs`. */
  async isLive({ expires_at, audit_ids }: TokenPayload, graceMs = 0): Promise<boolean> {
    if (Date.parse(expires_at) + graceMs <= Date.now()) return false;
    return (await this.#store.revoked_tokens.find({ audit_id: audit_ids })) === undefined;
  }

  /** Revokes this token and all tokens exchanged for it. */
  async revoke({ audit_ids, expires_at }: TokenPayload): Promise<void> {
    const old = new Date(Date.now() - keepMs).toISOString();
    await this.#store.revoked_tokens.remove({ expires_at: new LessThan(old) });
    await this.#store.revoked_tokens.insertIfAbsent({
      audit_id: audit_ids[0] ?? '',
      expires_at,
      revoked_at: new Date().toISOString(),
    });
  }

  /**
   * The body is signed as text, and the signature is compared as text: decoders tolerate padding, unused bits, the
   * other alphabet and foreign characters, so comparing decoded bytes would accept many texts.
   */
  #open(token: string): TokenPayload | undefined {
    if (token.length > longestToken) return undefined;
    const dot = token.indexOf('.');
    const body = token.slice(0, Math.max(dot, 0));
    const given = Buffer.from(token.slice(dot + 1));
    const expected = Buffer.from(this.#sign(body));
    if (body === '' || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return readPayload(JSON.parse(Buffer.from(body, 'base64url').toString()));
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }
}
