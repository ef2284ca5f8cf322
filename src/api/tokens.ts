/**
 * Tokens are signed, not stored: `<payload>.<HMAC-SHA-256>`, both base64url. Only a revoked token leaves a row.
 * The key lives in the state folder, so tokens survive a restart.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';

export type TokenPayload = {
  user_id: string;
  /** null = no project (an unscoped token). */
  project_id: string | null;
  methods: string[];
  issued_at: string;
  expires_at: string;
  audit_id: string;
  application_credential_id?: string;
};

const lifetimeMs = 12 * 3600 * 1000;

export class Tokens {
  readonly #store: Store;
  readonly #key: Buffer;

  /** @param key at least 32 random bytes */
  constructor(store: Store, key: Buffer) {
    if (key.length < 32) throw new Fault('internal', { detail: 'the token key must have at least 32 bytes' });
    this.#store = store;
    this.#key = key;
  }

  /** A token that is traded for a token ends when the first one does, or a chain of trades would never end. */
  issue(
    request: Pick<TokenPayload, 'user_id' | 'project_id' | 'methods' | 'application_credential_id'>,
    parent?: TokenPayload,
  ): { token: string; payload: TokenPayload } {
    const now = Date.now();
    const payload: TokenPayload = {
      ...request,
      issued_at: new Date(now).toISOString(),
      expires_at: parent?.expires_at ?? new Date(now + lifetimeMs).toISOString(),
      audit_id: randomBytes(16).toString('base64url'),
    };
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return { token: `${body}.${this.#sign(body).toString('base64url')}`, payload };
  }

  /** The payload of a genuine, unexpired, unrevoked token; undefined for any other text. */
  async verify(token: string): Promise<TokenPayload | undefined> {
    const payload = this.#open(token);
    if (!payload || Date.parse(payload.expires_at) <= Date.now()) return undefined;
    return (await this.#store.revoked_tokens.find({ token_hash: hashOf(token) })) ? undefined : payload;
  }

  async revoke(token: string, payload: TokenPayload): Promise<void> {
    await this.#store.db.deleteFrom('revoked_tokens').where('expires_at', '<', new Date().toISOString()).execute();
    await this.#store.db
      .insertInto('revoked_tokens')
      .values({ token_hash: hashOf(token), expires_at: payload.expires_at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  #open(token: string): TokenPayload | undefined {
    const [body, signature, ...rest] = token.split('.');
    if (!body || !signature || rest.length > 0) return undefined;
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#sign(body);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as TokenPayload;
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
