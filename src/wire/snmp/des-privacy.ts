/**
 * CBC-DES, the oldest encryption of SNMP version 3 (RFC 3414 section 8) and the only one of many PDUs. OpenSSL has
 * retired single DES, so net-snmp fails with it; triple DES with the same key three times is the same cipher.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { PrivAlgorithm } from 'net-snmp';

const block = 8;
const cipherName = 'des-ede3-cbc';

/** @param localize derives an agent's key from the password: RFC 3414 appendix A.2 */
export function createDesPrivacy(localize: (authProtocol: number, password: string, engineId: Buffer) => Buffer): PrivAlgorithm {
  return {
    encryptPdu(pdu, _privProtocol, password, authProtocol, { engineID }) {
      // Section 8.1.1.1: the salt must not repeat; it is random because no counter survives a restart.
      const salt = randomBytes(block);
      const { key, iv } = keysOf(localize(authProtocol, password, engineID), salt);
      const cipher = createCipheriv(cipherName, key, iv).setAutoPadding(false);
      const padded = Buffer.concat([pdu, Buffer.alloc((block - (pdu.length % block)) % block)]);
      return { encryptedPdu: Buffer.concat([cipher.update(padded), cipher.final()]), msgPrivacyParameters: salt };
    },
    decryptPdu(encrypted, _privProtocol, salt, password, authProtocol, { engineID }) {
      const { key, iv } = keysOf(localize(authProtocol, password, engineID), salt);
      const decipher = createDecipheriv(cipherName, key, iv).setAutoPadding(false);
      return Buffer.concat([decipher.update(encrypted), decipher.final()]);
    },
  };
}

/** Section 8.1.1.1: eight bytes of key, and eight bytes (pre-IV) that are mixed with the salt. */
function keysOf(localized: Buffer, salt: Buffer): { key: Buffer; iv: Buffer } {
  const single = localized.subarray(0, block);
  const iv = Buffer.from(localized.subarray(block, 2 * block).map((byte, at) => byte ^ (salt[at] ?? 0)));
  return { key: Buffer.concat([single, single, single]), iv };
}
