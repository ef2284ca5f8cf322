/**
 * The computations of RAKP: each side's proof and the keys derived from it, IPMI 2.0 rev 1.1 sections 13.28, 13.31
 * and 13.32. Numbers enter the HMACs in wire order, least significant byte first.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ByteWriter } from '../bytes/writer.ts';
import type { CipherSuite } from './cipher-suites.ts';

/** Longest password of IPMI 2.0, in bytes, section 22.30. */
export const passwordLimit = 20;
/** Longest user name, in bytes, section 22.28. */
export const userLimit = 16;

/** All values exchanged in RAKP 1 and 2. */
export type RakpFacts = {
  readonly suite: CipherSuite;
  readonly consoleSession: number;
  readonly bmcSession: number;
  readonly consoleRandom: Buffer;
  readonly bmcRandom: Buffer;
  readonly bmcGuid: Buffer;
  /** The complete role byte of RAKP 1: privilege and the name-only lookup bit. */
  readonly role: number;
  readonly user: Buffer;
};

export type SessionKeys = { readonly sik: Buffer; readonly k1: Buffer; readonly k2: Buffer };

/** HMAC pads its key with zeros, so the standard's 20-byte zero-padded key equals the unpadded password. */
export function passwordKey(password: string): Buffer {
  return Buffer.from(password, 'utf8');
}

export function rakp2Code(facts: RakpFacts, key: Uint8Array): Buffer {
  const input = new ByteWriter()
    .u32(facts.consoleSession)
    .u32(facts.bmcSession)
    .bytes(facts.consoleRandom)
    .bytes(facts.bmcRandom)
    .bytes(facts.bmcGuid);
  return hmac(facts.suite, key, identity(input, facts).finish());
}

export function rakp3Code(facts: RakpFacts, key: Uint8Array): Buffer {
  const input = new ByteWriter().bytes(facts.bmcRandom).u32(facts.consoleSession);
  return hmac(facts.suite, key, identity(input, facts).finish());
}

/** Integrity check value of RAKP 4: HMAC keyed with SIK, truncated. */
export function rakp4Code(facts: RakpFacts, sik: Uint8Array): Buffer {
  const input = new ByteWriter().bytes(facts.consoleRandom).u32(facts.bmcSession).bytes(facts.bmcGuid);
  return hmac(facts.suite, sik, input.finish()).subarray(0, facts.suite.codeLength);
}

/** K1 signs and K2 encrypts. `key` is the BMC key (K_G) if one is set, otherwise the user's. */
export function deriveKeys(facts: RakpFacts, key: Uint8Array): SessionKeys {
  const input = new ByteWriter().bytes(facts.consoleRandom).bytes(facts.bmcRandom);
  const sik = hmac(facts.suite, key, identity(input, facts).finish());
  return {
    sik,
    k1: hmac(facts.suite, sik, Buffer.alloc(20, 0x01)),
    k2: hmac(facts.suite, sik, Buffer.alloc(20, 0x02)),
  };
}

export function sameCode(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

export function hmac(suite: CipherSuite, key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac(suite.hash, key).update(data).digest();
}

function identity(input: ByteWriter, facts: RakpFacts): ByteWriter {
  return input.u8(facts.role).u8(facts.user.length).bytes(facts.user);
}
