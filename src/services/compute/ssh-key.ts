/** SSH key pairs in OpenSSH's formats: validates public keys, generates new pairs. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readPublicKey } from './ssh-public-key.ts';

/** MD5 of the key with colons, as Nova shows it. Throws `badRequest` unless it is one line with an SSH public key. */
export function fingerprintOf(publicKey: string): string {
  return createHash('md5')
    .update(readPublicKey(publicKey).blob)
    .digest('hex')
    .replace(/..(?!$)/g, '$&:');
}

/** A new Ed25519 pair; the private key in the file format of `ssh-keygen`, without passphrase. */
export function generateSshKey(comment: string): { publicKey: string; privateKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x, d } = privateKey.export({ format: 'jwk' });
  const [publicBytes, seed] = [Buffer.from(x ?? '', 'base64url'), Buffer.from(d ?? '', 'base64url')];
  const blob = Buffer.concat([sshString(Buffer.from('ssh-ed25519')), sshString(publicBytes)]);
  return {
    publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}`,
    privateKey: privateKeyFile(blob, Buffer.concat([seed, publicBytes]), comment),
  };
}

/** The layout of OpenSSH's PROTOCOL.key for one unencrypted key. */
function privateKeyFile(publicBlob: Buffer, secret: Buffer, comment: string): string {
  const check = randomBytes(4);
  const body = Buffer.concat([check, check, publicBlob, sshString(secret), sshString(Buffer.from(comment))]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const none = sshString(Buffer.from('none'));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    none,
    none,
    sshString(Buffer.alloc(0)),
    Buffer.from([0, 0, 0, 1]),
    sshString(publicBlob),
    sshString(Buffer.concat([body, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** RFC 4251 §5 `string`: length and bytes. */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
