/**
 * Password and secret hashes: scrypt with its parameters in the text, so that they can be raised later. Request
 * handlers use the `LoginGuard`, which limits the rate and queues the work.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** Maximum characters of a password or secret, as in Keystone (`max_password_length`). */
export const longestPassword = 4096;

/** 16 MiB and about 40 ms of one core per check. */
const cost = { N: 16384, r: 8, p: 1 };
const keyBytes = 32;

/** `scrypt$N$r$p$salt$key`, salt and key in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Takes the same time for an unknown user (`hash` undefined), and for one without a password (empty), as for a wrong password. */
export async function checkPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = (hash || decoy).split('$');
  if (scheme !== 'scrypt' || !salt || !key) return false;
  const expected = Buffer.from(key, 'base64url');
  const given = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return timingSafeEqual(given, expected) && Boolean(hash);
}

const decoy = `scrypt$${cost.N}$${cost.r}$${cost.p}$${Buffer.alloc(16).toString('base64url')}$${Buffer.alloc(keyBytes).toString('base64url')}`;

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize(), salt, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key))),
  );
}
