/** Public keys as OpenSSH writes them in one line: RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f. */
import { ECDH } from 'node:crypto';
import { Fault } from '#domain/faults.ts';

export type PublicKey = { readonly type: string; readonly blob: Buffer };

/** Reads the fields of a key in sequence. Throws if the key ends within one. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** RFC 4251 section 5 `string`. */
  string(): Buffer {
    if (this.#at + 4 > this.#bytes.length) throw new TypeError('it is cut off');
    const start = this.#at + 4;
    const end = start + this.#bytes.readUInt32BE(this.#at);
    if (end > this.#bytes.length) throw new TypeError('it is cut off');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }

  /** RFC 4251 section 5 `mpint`, positive, in minimal form. @returns its length in bits */
  integer(): number {
    const bytes = this.string();
    const [first = 0, second = 0] = bytes;
    const isShortest = first !== 0 || second >= 0x80;
    if (bytes.length === 0 || first >= 0x80 || !isShortest) throw new TypeError('a number in it is malformed');
    const whole = first === 0 ? bytes.subarray(1) : bytes;
    return whole.length * 8 - Math.clz32(whole[0] ?? 0) + 24;
  }
}

/** OpenSSH's limits (`SSH_RSA_MINIMUM_MODULUS_SIZE`, `OPENSSL_RSA_MAX_MODULUS_BITS`). */
const rsaBits = { least: 1024, most: 16_384 };
const ed25519Bytes = 32;

function rsa(fields: Fields): void {
  fields.integer();
  const bits = fields.integer();
  if (bits < rsaBits.least || bits > rsaBits.most)
    throw new TypeError(`an RSA key has ${rsaBits.least} to ${rsaBits.most} bits, not ${bits}`);
}

function ed25519(fields: Fields): void {
  if (fields.string().length !== ed25519Bytes) throw new TypeError(`an Ed25519 key has ${ed25519Bytes} bytes`);
}

type Curve = { readonly name: string; readonly openssl: string; readonly coordinateBytes: number };

const p256: Curve = { name: 'nistp256', openssl: 'prime256v1', coordinateBytes: 32 };
const p384: Curve = { name: 'nistp384', openssl: 'secp384r1', coordinateBytes: 48 };
const p521: Curve = { name: 'nistp521', openssl: 'secp521r1', coordinateBytes: 66 };

/** An uncompressed point (SEC 1 section 2.3.3): one byte and two coordinates. */
const ecdsa = (curve: Curve) => (fields: Fields) => {
  if (fields.string().toString('latin1') !== curve.name) throw new TypeError(`its curve is not ${curve.name}`);
  const point = fields.string();
  if (point.length !== 1 + 2 * curve.coordinateBytes || point[0] !== 4) throw new TypeError('its point is malformed');
  if (!isOn(curve, point)) throw new TypeError(`its point is not on the curve ${curve.name}`);
};

function isOn(curve: Curve, point: Buffer): boolean {
  try {
    return ECDH.convertKey(point, curve.openssl).length > 0;
  } catch {
    return false;
  }
}

/** A security-token key names its application (`ssh:`), as a C string. */
const withApplication = (read: (fields: Fields) => void) => (fields: Fields) => {
  read(fields);
  const application = fields.string();
  if (application.length === 0 || application.includes(0)) throw new TypeError('it names no application');
};

function dsa(fields: Fields): void {
  const bits = fields.integer();
  if (bits !== 1024) throw new TypeError(`a DSA key has 1024 bits, not ${bits}`);
  for (let rest = 0; rest < 3; rest++) fields.integer();
}

const typeTable: Readonly<Record<string, (fields: Fields) => void>> = {
  'ssh-rsa': rsa,
  'ssh-dss': dsa,
  'ssh-ed25519': ed25519,
  'ecdsa-sha2-nistp256': ecdsa(p256),
  'ecdsa-sha2-nistp384': ecdsa(p384),
  'ecdsa-sha2-nistp521': ecdsa(p521),
  'sk-ssh-ed25519@openssh.com': withApplication(ed25519),
  'sk-ecdsa-sha2-nistp256@openssh.com': withApplication(ecdsa(p256)),
};

/** @throws Fault `badRequest` with the defect: a key that sshd skips locks its owner out of the server */
export function readPublicKey(line: string): PublicKey {
  const invalid = (detail: string) => new Fault('badRequest', { detail: `Keypair data is invalid: ${detail}.` });
  // Not `trim`: sshd treats no-break spaces and byte order marks as part of the key's type, and skips the line.
  const text = line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
  if (/[\r\n\0]/.test(text)) throw invalid('public_key must be one line with an OpenSSH public key');
  const [type = '', encoded = ''] = text.split(/[ \t]+/, 2);
  const read = Object.hasOwn(typeTable, type) ? typeTable[type] : undefined;
  if (!read) throw invalid(`public_key must begin with one of ${Object.keys(typeTable).join(', ')}`);
  const blob = Buffer.from(encoded, 'base64');
  if (encoded === '' || blob.toString('base64') !== encoded) throw invalid('public_key is cut off or no base64');
  try {
    const fields = new Fields(blob);
    if (fields.string().toString('latin1') !== type) throw new TypeError(`it is no ${type} key`);
    read(fields);
    if (!fields.isAtEnd) throw new TypeError('it has bytes behind its end');
  } catch (error) {
    throw invalid(`public_key cannot be used: ${(error as Error).message}`);
  }
  return { type, blob };
}
