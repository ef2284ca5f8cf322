/** One-time passcodes by time (RFC 6238), as Keystone and authenticator apps compute them: six digits, thirty seconds. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const [digits, periodMs] = [6, 30_000];
/** Keystone's `[totp] included_previous_windows`. */
const formerWindows = 1;

/** @param secret base32, as in the blob of a credential. @returns false for a secret that is none */
export function isPasscode(secret: string, passcode: string, now = Date.now()): boolean {
  const key = decodeBase32(secret);
  if (!key || !/^\d{6}$/.test(passcode)) return false;
  const window = Math.floor(now / periodMs);
  const given = Buffer.from(passcode);
  let isRight = false;
  for (let back = 0; back <= formerWindows; back++)
    if (timingSafeEqual(Buffer.from(passcodeOf(key, window - back)), given)) isRight = true;
  return isRight;
}

/** RFC 4226. */
function passcodeOf(key: Buffer, counter: number): string {
  const moving = Buffer.alloc(8);
  moving.writeBigUInt64BE(BigInt(counter));
  const digest = createHmac('sha1', key).update(moving).digest();
  const offset = (digest.at(-1) ?? 0) & 0xf;
  const number = digest.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function decodeBase32(text: string): Buffer | undefined {
  const letters = text.trim().replace(/=+$/, '');
  if (!/^[A-Z2-7]{16,512}$/.test(letters)) return undefined;
  const bytes: number[] = [];
  let [value, bits] = [0, 0];
  for (const letter of letters) {
    value = ((value << 5) | alphabet.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}
