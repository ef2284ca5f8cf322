/** Encryption of values in the database: AES-256-GCM, each with its own nonce (NIST SP 800-38D, 8.2.2). */
import { createCipheriv, createDecipheriv, createHash, randomFillSync } from 'node:crypto';

/** Prefix of encrypted values; the JSON text of an object never begins like this. */
const prefix = 'sealed:1:';
const algorithm = 'aes-256-gcm';
const [nonceBytes, tagBytes] = [12, 16];
export const keyBytes = 32;

/** Values kept decrypted, and the characters of the longest: the credentials of a BMC are read for each command. */
const [keptMax, longestKept] = [1000, 2000];
const noncesAtOnce = 256;

export class Sealer {
  /** Identifies the key without revealing it. */
  readonly id: string;
  readonly #key: Buffer;
  /** By the encrypted value, the least recently used first. */
  readonly #kept = new Map<string, { readonly text: string; readonly place: string }>();
  readonly #nonces = Buffer.alloc(nonceBytes * noncesAtOnce);
  #nonceOffset = this.#nonces.length;

  /** @param key of `keyBytes` bytes */
  constructor(key: Buffer) {
    this.#key = key;
    this.id = createHash('sha256').update('ingot secrets key\0').update(key).digest('hex').slice(0, 32);
  }

  /** @param place `table.column`: a value moved to another column cannot be decrypted there */
  seal(text: string, place: string): string {
    const nonce = this.#nextNonce();
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(Buffer.from(place));
    const sealed = [cipher.update(text, 'utf8'), cipher.final()];
    const value = prefix + Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64');
    this.#keep(value, { text, place });
    return value;
  }

  /** @throws Error if it was encrypted with another key or for another place, or is corrupt */
  open(sealed: string, place: string): string {
    const kept = this.#kept.get(sealed);
    const text = kept?.place === place ? kept.text : this.#decrypt(sealed, place);
    this.#keep(sealed, kept ?? { text, place });
    return text;
  }

  #keep(sealed: string, value: { text: string; place: string }): void {
    if (sealed.length > longestKept) return;
    this.#kept.delete(sealed);
    this.#kept.set(sealed, value);
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value as string);
  }

  /** Of a reserve, each used once: to ask for 12 random bytes takes longer than to encrypt. */
  #nextNonce(): Buffer {
    if (this.#nonceOffset === this.#nonces.length) {
      randomFillSync(this.#nonces);
      this.#nonceOffset = 0;
    }
    const nonce = Buffer.from(this.#nonces.subarray(this.#nonceOffset, this.#nonceOffset + nonceBytes));
    this.#nonceOffset += nonceBytes;
    return nonce;
  }

  #decrypt(sealed: string, place: string): string {
    const bytes = Buffer.from(sealed.slice(prefix.length), 'base64');
    if (bytes.length < nonceBytes + tagBytes) throw new Error('it is truncated');
    const decipher = createDecipheriv(algorithm, this.#key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    return decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  }
}

export function isSealed(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(prefix);
}
