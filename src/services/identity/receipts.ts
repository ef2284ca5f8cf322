/** Receipts: what a login has proved so far, where the rules of a user ask for more. Signed, and not stored. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const Payload = Type.Object(
  {
    user_id: Type.String({ minLength: 1 }),
    /** A new password, for example, makes it void. */
    user_revision: Type.Integer({ minimum: 0 }),
    methods: Type.Array(Type.String(), { minItems: 1, maxItems: 8 }),
    issued_at: Type.String(),
    expires_at: Type.String(),
  },
  { additionalProperties: false },
);
const payloadCheck = Compile(Payload);
export type ReceiptPayload = Static<typeof Payload>;

/** Keystone's `[receipt] expiration`. */
const lifetimeMs = 300_000;
const longestReceipt = 2048;

export class Receipts {
  /** Of its own: a receipt is no token. */
  readonly #key: Buffer;

  /** @param secret that of the tokens */
  constructor(secret: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'ingot login receipts', 32));
  }

  issue(proved: Pick<ReceiptPayload, 'user_id' | 'user_revision' | 'methods'>): { receipt: string; payload: ReceiptPayload } {
    const now = Date.now();
    const payload = {
      ...proved,
      issued_at: new Date(now).toISOString(),
      expires_at: new Date(now + lifetimeMs).toISOString(),
    };
    const body = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return { receipt: `${body}.${this.#sign(body)}`, payload };
  }

  /** The payload of an authentic receipt that has not expired; undefined otherwise. */
  read(receipt: string): ReceiptPayload | undefined {
    if (receipt.length > longestReceipt) return undefined;
    const [body = '', signature = ''] = receipt.split('.', 2);
    const [given, expected] = [Buffer.from(signature), Buffer.from(this.#sign(body))];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const payload: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
    return payloadCheck.Check(payload) && Date.parse(payload.expires_at) > Date.now() ? payload : undefined;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }
}
