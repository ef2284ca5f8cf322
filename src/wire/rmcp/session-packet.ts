/**
 * The RMCP+ session packet: header, payload (encrypted or not), integrity trailer. IPMI 2.0 rev 1.1 section 13.6, table
 * 13-8; AES-CBC-128 section 13.29; the integrity algorithms section 13.28.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';
import type { ByteWriter } from '../bytes/writer.ts';
import type { CipherSuite } from './cipher-suites.ts';
import { readRmcpHeader, rmcpWriter } from './rmcp-header.ts';
import { hmac, type SessionKeys, sameCode } from './session-keys.ts';

/** Table 13-16. OEM payloads are not supported. */
export const payloadTypes = {
  ipmi: 0x00,
  sol: 0x01,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;
export type PayloadType = keyof typeof payloadTypes;

const typeByNumber = new Map(Object.entries(payloadTypes).map(([name, value]) => [value as number, name as PayloadType]));

const openingAnswers: readonly PayloadType[] = ['openSessionResponse', 'rakp2', 'rakp4'];
const authenticationType = 0x06;
const encryptedBit = 0x80;
const authenticatedBit = 0x40;
const typeMask = 0x3f;
const nextHeader = 0x07;
const integrityPadByte = 0xff;
const rmcpLength = 4;
const blockLength = 16;

export type SessionHeader = { readonly type: PayloadType; readonly session: number; readonly sequence: number };
export type SessionPacket = SessionHeader & { readonly payload: Buffer };
export type SessionSecrets = { readonly suite: CipherSuite; readonly keys: SessionKeys };

/** True for the RMCP+ format, false for the IPMI 1.5 format. @throws Malformed for a packet that is not IPMI */
export function isSessionPacket(packet: Uint8Array): boolean {
  const reader = new ByteReader(packet);
  if (readRmcpHeader(reader) !== 'ipmi') throw new Malformed('not an IPMI packet');
  return reader.u8() === authenticationType;
}

/** Unprotected, for messages before the session keys exist. `session` and `sequence` are then zero. */
export function encodePlainPacket(type: PayloadType, payload: Uint8Array): Buffer {
  return header({ type, session: 0, sequence: 0 }, 0, payload).finish();
}

/** Signed and encrypted. @param iv 16 random bytes that are used for no other packet (`IvPool`) */
export function encodeSessionPacket(
  { type, session, sequence, payload }: SessionHeader & { readonly payload: Uint8Array },
  secrets: SessionSecrets,
  iv: Uint8Array,
): Buffer {
  const encrypted = encrypt(payload, secrets.keys, iv);
  const writer = header({ type, session, sequence }, encryptedBit | authenticatedBit, encrypted);
  // Pad the signed part (authentication type to next header) to a multiple of four bytes.
  const pad = (4 - ((writer.length - rmcpLength + 2) % 4)) % 4;
  writer.bytes(Buffer.alloc(pad, integrityPadByte)).u8(pad).u8(nextHeader);
  const signed = writer.finish();
  return Buffer.concat([signed, code(signed, secrets)]);
}

/** @throws Malformed also for a packet with a session id */
export function decodePlainPacket(packet: Uint8Array): SessionPacket {
  const reader = new ByteReader(packet);
  const { flags, ...fields } = readHeader(reader);
  if (flags !== 0) throw new Malformed('signed or encrypted before there are keys');
  if (fields.session !== 0 || fields.sequence !== 0) throw new Malformed('a session was claimed outside of one');
  const length = reader.u16();
  // OpenIPMI's simulator refuses with two bytes (tag, status), sometimes under a larger length. Accepting them is
  // safe: a response that grants something is decoded field by field, and fails if a field is missing.
  const payload = length > reader.remaining && openingAnswers.includes(fields.type) ? reader.rest() : reader.bytes(length);
  reader.end('the packet');
  return { ...fields, payload };
}

/** The session id in the packet, not yet verified; 0 = outside any session. */
export function peekSession(packet: Uint8Array): number {
  return readHeader(new ByteReader(packet)).session;
}

/** Verifies signature, padding and lengths, and decrypts. The caller checks whether the sequence number is fresh. */
export function decodeSessionPacket(packet: Uint8Array, secrets: SessionSecrets): SessionPacket {
  const reader = new ByteReader(packet);
  const { flags, ...fields } = readHeader(reader);
  if (flags !== (encryptedBit | authenticatedBit)) throw new Malformed('a packet of the session is not signed and encrypted');
  const encrypted = reader.bytes(reader.u16());
  const signedLength = packet.length - secrets.suite.codeLength;
  checkTrailer(reader, secrets.suite.codeLength);
  if (!sameCode(packet.subarray(signedLength), code(packet.subarray(0, signedLength), secrets))) {
    throw new Malformed('the signature is wrong');
  }
  return { ...fields, payload: decrypt(encrypted, secrets.keys) };
}

function header({ type, session, sequence }: SessionHeader, flags: number, payload: Uint8Array): ByteWriter {
  return rmcpWriter('ipmi')
    .u8(authenticationType)
    .u8(flags | payloadTypes[type])
    .u32(session)
    .u32(sequence)
    .u16(payload.length)
    .bytes(payload);
}

function readHeader(reader: ByteReader): SessionHeader & { flags: number } {
  if (readRmcpHeader(reader) !== 'ipmi') throw new Malformed('not an IPMI packet');
  reader.expect(authenticationType, 'authentication type');
  const byte = reader.u8();
  const type = typeByNumber.get(byte & typeMask);
  if (type === undefined) throw new Malformed(`payload type ${byte & typeMask} is not handled`);
  return { type, flags: byte & ~typeMask, session: reader.u32(), sequence: reader.u32() };
}

function checkTrailer(reader: ByteReader, codeLength: number): void {
  const padLength = reader.remaining - codeLength - 2;
  if (padLength < 0 || padLength > 3) throw new Malformed('the integrity trailer has a wrong length');
  // The pad is signed, so a peer that pads with a value other than FFh does no harm.
  reader.bytes(padLength);
  reader.expect(padLength, 'integrity pad length');
  reader.expect(nextHeader, 'next header');
}

function code(signed: Uint8Array, { suite, keys }: SessionSecrets): Buffer {
  return hmac(suite, keys.k1, signed.subarray(rmcpLength)).subarray(0, suite.codeLength);
}

/** IV, then the payload with its confidentiality pad 01h 02h … and the pad's length, table 13-20. */
function encrypt(payload: Uint8Array, keys: SessionKeys, iv: Uint8Array): Buffer {
  const padLength = (blockLength - ((payload.length + 1) % blockLength)) % blockLength;
  const clear = Buffer.allocUnsafe(payload.length + padLength + 1);
  clear.set(payload);
  for (let pad = 1; pad <= padLength; pad += 1) clear[payload.length + pad - 1] = pad;
  clear[clear.length - 1] = padLength;
  const cipher = createCipheriv('aes-128-cbc', keys.k2.subarray(0, blockLength), iv).setAutoPadding(false);
  return Buffer.concat([iv, cipher.update(clear)]);
}

function decrypt(encrypted: Buffer, keys: SessionKeys): Buffer {
  const blocks = encrypted.length / blockLength;
  if (blocks < 2 || !Number.isInteger(blocks)) throw new Malformed('the encrypted payload is not whole blocks');
  const iv = encrypted.subarray(0, blockLength);
  const decipher = createDecipheriv('aes-128-cbc', keys.k2.subarray(0, blockLength), iv).setAutoPadding(false);
  const clear = decipher.update(encrypted.subarray(blockLength));
  const padLength = clear[clear.length - 1] as number;
  const end = clear.length - 1 - padLength;
  if (padLength >= blockLength || end < 0) throw new Malformed('the confidentiality pad has a wrong length');
  for (let index = 0; index < padLength; index += 1) {
    if (clear[end + index] !== index + 1) throw new Malformed('the confidentiality pad has wrong bytes');
  }
  return clear.subarray(0, end);
}
