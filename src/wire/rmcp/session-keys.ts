/**
 * The computations of RAKP: what each side proves and the keys that follow from it, IPMI 2.0 rev 1.1 sections 13.28,
 * 13.31 and 13.32. Numbers enter the HMACs in wire order, least significant byte first.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ByteWriter } from '../bytes/writer.ts';
import type { CipherSuite } from './cipher-suites.ts';

/** Longest password of IPMI 2.0, in bytes, section 22.30. */
export const passwordLimit = 20;
/** Longest user name, in bytes, section 22.28. */
export const userLimit = 16;

/** All that RAKP 1 and 2 made known to both sides. */
export type RakpFacts = {
  readonly suite: CipherSuite;
  readonly consoleSession: number;
  readonly bmcSession: number;
  readonly consoleRandom: Buffer;
  readonly bmcRandom: Buffer;
  readonly bmcGuid: Buffer;
  /** The whole role byte as RAKP 1 carried it: privilege and the name-only lookup bit. */
  readonly role: number;
  readonly user: Buffer;
};

export type SessionKeys = { readonly sik: Buffer; readonly k1: Buffer; readonly k2: Buffer };

/** HMAC pads its key with zeros, so the 20-byte zero-padded key of the standard and the bare password are the same key. */
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

/** Integrity check value of RAKP 4, keyed with SIK and cut short. */
export function rakp4Code(facts: RakpFacts, sik: Uint8Array): Buffer {
  const input = new ByteWriter().bytes(facts.consoleRandom).u32(facts.bmcSession).bytes(facts.bmcGuid);
  return hmac(facts.suite, sik, input.finish()).subarray(0, facts.suite.codeLength);
}

/** K1 signs and K2 encrypts. `key` is the BMC's own key (K_G) where one is set, else the user's. */
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
