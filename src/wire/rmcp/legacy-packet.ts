/**
 * The IPMI 1.5 session wrapper without authentication, IPMI 2.0 rev 1.1 section 13.6, table 13-8. Only commands outside
 * a session travel in it: Get Channel Authentication Capabilities must (section 22.13), some peers use it for more.
 */
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';
import { readRmcpHeader, rmcpWriter } from './rmcp-header.ts';

const noAuthentication = 0x00;

export function encodeLegacyPacket(message: Uint8Array): Buffer {
  return rmcpWriter('ipmi').u8(noAuthentication).u32(0).u32(0).u8(message.length).bytes(message).finish();
}

/** @returns the IPMI message inside. */
export function decodeLegacyPacket(packet: Uint8Array): Buffer {
  const reader = new ByteReader(packet);
  if (readRmcpHeader(reader) !== 'ipmi') throw new Malformed('not an IPMI packet');
  reader.expect(noAuthentication, 'authentication type');
  if (reader.u32() !== 0 || reader.u32() !== 0) throw new Malformed('an IPMI 1.5 session was never opened');
  const message = reader.bytes(reader.u8());
  // One pad byte may follow: table 13-8, "legacy pad", for Ethernet chips that fail on certain lengths.
  if (reader.remaining > 1) reader.end('the legacy packet');
  return message;
}
