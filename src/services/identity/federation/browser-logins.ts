/**
 * Logins by an identity provider in a browser (OpenID Connect Core 1.0, section 3.1; PKCE, RFC 7636). What has begun is kept by the
 * browser alone, as a signed cookie: nobody can fill a store with logins that never end, and a restart ends none.
 */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const Begun = Type.Object(
  {
    state: Type.String({ minLength: 1, maxLength: 64 }),
    idp_id: Type.String({ maxLength: 64 }),
    protocol_id: Type.String({ maxLength: 64 }),
    /** The dashboard to which the token goes. */
    origin: Type.String(),
    redirect_uri: Type.String(),
    expires_at: Type.Number(),
  },
  { additionalProperties: false },
);
const begunCheck = Compile(Begun);
export type BegunLogin = Static<typeof Begun>;

/** What binds the reply of the provider to this browser and this login. */
export type LoginProofs = { readonly nonce: string; readonly verifier: string };

/** How long somebody may take for the page of the provider. */
export const loginMs = 600_000;
/** Browsers keep no more of a cookie. */
const longestCookie = 4096;

export class BrowserLogins {
  readonly #key: Buffer;

  /** @param secret that of the tokens */
  constructor(secret: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'ingot browser logins', 32));
  }

  begin(asked: Omit<BegunLogin, 'state' | 'expires_at'>): { begun: BegunLogin; cookie: string } {
    const begun = { ...asked, state: randomBytes(32).toString('base64url'), expires_at: Date.now() + loginMs };
    const body = Buffer.from(JSON.stringify(begun)).toString('base64url');
    return { begun, cookie: `${body}.${this.#mac('cookie', body)}` };
  }

  /** undefined unless this browser has begun a login with that state a short while ago. */
  read(cookie: string, state: string): BegunLogin | undefined {
    if (cookie.length > longestCookie) return undefined;
    const [body = '', signature = ''] = cookie.split('.', 2);
    if (!isSame(signature, this.#mac('cookie', body))) return undefined;
    const begun: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
    return begunCheck.Check(begun) && isSame(state, begun.state) && begun.expires_at > Date.now() ? begun : undefined;
  }

  /** Derived from the state: they are never in the browser. */
  proofsOf({ state }: BegunLogin): LoginProofs {
    return { nonce: this.#mac('nonce', state), verifier: this.#mac('verifier', state) };
  }

  #mac(use: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${use} ${text}`).digest('base64url');
  }
}

/** RFC 7636, section 4.2: `S256`. */
export function challengeOf({ verifier }: LoginProofs): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
