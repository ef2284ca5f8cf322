/** ASF Presence Ping and Pong, which discover a management controller: IPMI 2.0 rev 1.1 sections 13.2.3 and 13.2.4. */
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';
import { readRmcpHeader, rmcpWriter } from './rmcp-header.ts';

/** IANA enterprise number of ASF itself. */
const asfEnterprise = 4542;
const messageTypes = { ping: 0x80, pong: 0x40 } as const;
const supportsIpmi = 0x80;
const asfVersion1 = 0x01;

export type AsfMessage = { type: 'ping'; tag: number } | { type: 'pong'; tag: number; ipmi: boolean };

export function encodeAsf(message: AsfMessage): Buffer {
  const writer = rmcpWriter('asf').u32BigEndian(asfEnterprise).u8(messageTypes[message.type]).u8(message.tag).u8(0);
  if (message.type === 'ping') return writer.u8(0).finish();
  const entities = asfVersion1 | (message.ipmi ? supportsIpmi : 0);
  return writer.u8(16).u32BigEndian(asfEnterprise).zeros(4).u8(entities).zeros(7).finish();
}

export function decodeAsf(packet: Uint8Array): AsfMessage {
  const reader = new ByteReader(packet);
  if (readRmcpHeader(reader) !== 'asf') throw new Malformed('not an ASF packet');
  if (reader.u32BigEndian() !== asfEnterprise) throw new Malformed('not an ASF enterprise number');
  const type = reader.u8();
  const tag = reader.u8();
  reader.u8();
  const body = new ByteReader(reader.bytes(reader.u8()));
  if (type === messageTypes.ping) return { type: 'ping', tag };
  if (type !== messageTypes.pong) throw new Malformed(`ASF message type ${type} is not handled`);
  body.bytes(8);
  return { type: 'pong', tag, ipmi: (body.u8() & supportsIpmi) !== 0 };
}
