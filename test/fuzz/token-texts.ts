/** Texts that decoders accept as a genuine token: only the canonical one may be valid. */

import { createHmac } from 'node:crypto';
import { Tokens } from '#services/identity/tokens.ts';
import { aStore } from '#test/a-store.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes } from './mutations.ts';
import type { Target } from './target.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const junk = ['=', '==', ' ', '\t', '\r\n', '\0', '!', '.', '~', 'é', '\u200b'];

type Mutation = (text: string, roll: Roll) => string;

const insert = (text: string, at: number, piece: string) => text.slice(0, at) + piece + text.slice(at);
/** Where base64 ends: of the body, or of the whole. */
const endOf = (text: string, roll: Roll) => (roll(2) === 0 ? Math.max(text.indexOf('.'), 0) : text.length);

const mutationTable: readonly Mutation[] = [
  (text, roll) => insert(text, roll(text.length + 1), pick(junk, roll)),
  (text, roll) => insert(text, endOf(text, roll), '='.repeat(1 + roll(4))),
  // Insignificant bits of the last character.
  (text, roll) => {
    const end = endOf(text, roll);
    const value = alphabet.indexOf(text[end - 1] ?? '') ^ (1 + roll(15));
    return text.slice(0, Math.max(end - 1, 0)) + (alphabet[value] ?? '') + text.slice(end);
  },
  (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  (text, roll) => `${text}${pick(junk, roll).repeat(1 + roll(3000))}`,
  (text, roll) => `${text.slice(0, endOf(text, roll))}.${text.slice(text.indexOf('.') + 1)}`,
  (text, roll) => mutateBytes(Buffer.from(text), roll).toString(),
];

const key = Buffer.alloc(32, 7);
const payload = {
  ...{ user_id: 'user', methods: ['password'], user_revision: 0, scope_revision: 0, audit_ids: ['own', 'parent'] },
  ...{ issued_at: '2026-01-01T00:00:00.000Z', expires_at: '2999-01-01T00:00:00.000Z' },
};

/** As `Tokens` does, but deterministic, so that an input can be replayed. */
function sign(value: object): string {
  const body = Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
}

export const tokenTextTarget: Target = {
  ...{ name: 'token texts', share: 4 },
  // Bodies of different lengths end in none, two and four insignificant bits.
  async open() {
    const store = await aStore();
    const tokens = new Tokens(store, key);
    const genuine = ['', 'x', 'xx'].map((more) =>
      sign({ ...payload, scope: { scope_type: 'project', scope_id: `project${more}` } }),
    );
    return {
      make(roll) {
        let text = pick(genuine, roll);
        for (let times = roll(3); times > 0; times -= 1) text = pick(mutationTable, roll)(text, roll);
        return Buffer.from(text);
      },
      async feed(input) {
        const text = input.toString();
        const isGood = (await tokens.verify(text)) !== undefined;
        if (isGood !== genuine.includes(text)) throw new Error(isGood ? 'another text is good' : 'a genuine token is not good');
        return isGood ? { read: true } : { read: false, reason: 'it is no token' };
      },
      close: () => store.close(),
    };
  },
};
