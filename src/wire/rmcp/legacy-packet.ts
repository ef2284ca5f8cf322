/**
 * The IPMI 1.5 session wrapper, IPMI 2.0 rev 1.1 section 13.6, table 13-8: without authentication outside a session
 * (required for Get Channel Authentication Capabilities, section 22.13), signed with MD5 inside one.
 */
import { hash } from 'node:crypto';
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { readRmcpHeader, rmcpWriter } from './rmcp-header.ts';
import { sameCode } from './session-keys.ts';

/** Table 13-8 and section 22.13. Ingot neither offers nor accepts MD2, plain password and none. */
export const authenticationTypes = { none: 0x00, md5: 0x02 } as const;

/** Longest password of IPMI 1.5, in bytes; shorter ones are padded with zeros, section 22.30. */
export const legacyPasswordLimit = 16;

export type LegacyPacket = { readonly session: number; readonly sequence: number; readonly message: Buffer };

export function encodeLegacyPacket(message: Uint8Array): Buffer {
  return rmcpWriter('ipmi').u8(authenticationTypes.none).u32(0).u32(0).u8(message.length).bytes(message).finish();
}

/** @returns the encapsulated IPMI message */
export function decodeLegacyPacket(packet: Uint8Array): Buffer {
  const { type, session, sequence, message } = readPacket(packet);
  if (type !== authenticationTypes.none) throw new Malformed('signed outside of a session');
  if (session !== 0 || sequence !== 0) throw new Malformed('an IPMI 1.5 session was never opened');
  return message;
}

/** An unsigned packet proves nothing: use this for refusals only. @returns undefined for a signed packet */
export function readUnsignedMessage(packet: Uint8Array): Buffer | undefined {
  const { type, message } = readPacket(packet);
  return type === authenticationTypes.none ? message : undefined;
}

/** The session id, not yet verified; 0 = outside any session. */
export function peekLegacySession(packet: Uint8Array): number {
  return readPacket(packet).session;
}

/** @param key the password padded to 16 bytes, see `legacyKey` */
export function encodeSignedPacket({ session, sequence, message }: LegacyPacket, key: Uint8Array): Buffer {
  return rmcpWriter('ipmi')
    .u8(authenticationTypes.md5)
    .u32(sequence)
    .u32(session)
    .bytes(md5Code({ session, sequence, message }, key))
    .u8(message.length)
    .bytes(message)
    .finish();
}

/**
 * Verifies the signature. The caller checks whether the sequence number is fresh.
 * @throws Malformed also for an unsigned packet
 */
export function decodeSignedPacket(packet: Uint8Array, key: Uint8Array): LegacyPacket {
  const { type, code, ...fields } = readPacket(packet);
  if (type !== authenticationTypes.md5) throw new Malformed('a packet of the session is not signed by MD5');
  if (!sameCode(code, md5Code(fields, key))) throw new Malformed('the signature is wrong');
  return fields;
}

export function legacyKey(password: string): Buffer {
  const key = Buffer.alloc(legacyPasswordLimit);
  key.write(password, 'utf8');
  return key;
}

/** Section 22.17.1, multi-session channels. */
function md5Code({ session, sequence, message }: LegacyPacket, key: Uint8Array): Buffer {
  const signed = new ByteWriter().bytes(key).u32(session).bytes(message).u32(sequence).bytes(key).finish();
  return hash('md5', signed, 'buffer');
}

function readPacket(packet: Uint8Array): LegacyPacket & { type: number; code: Buffer } {
  const reader = new ByteReader(packet);
  if (readRmcpHeader(reader) !== 'ipmi') throw new Malformed('not an IPMI packet');
  const type = reader.u8();
  if (type !== authenticationTypes.none && type !== authenticationTypes.md5) {
    throw new Malformed(`authentication type ${type} is not handled`);
  }
  const sequence = reader.u32();
  const session = reader.u32();
  const code = reader.bytes(type === authenticationTypes.none ? 0 : 16);
  const message = reader.bytes(reader.u8());
  // One pad byte may follow: table 13-8, "legacy pad", for Ethernet controllers that fail on certain lengths.
  if (reader.remaining > 1) reader.end('the legacy packet');
  return { type, sequence, session, code, message };
}
