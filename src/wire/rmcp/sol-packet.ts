/** Payload of Serial over LAN (SOL), both directions: IPMI 2.0 rev 1.1 section 15.9, table 15-2. */
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';

/** Length of the header before the characters. */
export const solHeadLength = 4;
/** The count of accepted characters is one byte, which limits a packet. */
export const solMostCharacters = 255;
/** Sequence numbers 1 to 15; 0 marks a packet that only acknowledges. */
export const solLastSequence = 15;

/** Bits of the fourth byte. The lower ones have different meanings to the BMC and to the console. */
const nackBit = 0x40;
export const solToBmc = { generateBreak: 0x10 } as const;
export const solToConsole = { unavailable: 0x20, deactivated: 0x10, overrun: 0x08, breakDetected: 0x04 } as const;

export type SolPacket = {
  readonly sequence: number;
  /** Sequence number of the acknowledged packet (0 = none), and how many of its characters were accepted. */
  readonly acknowledged: number;
  readonly accepted: number;
  /** No more data is accepted for now. */
  readonly nack: boolean;
  /** `solToBmc` or `solToConsole`. */
  readonly flags: number;
  readonly data: Uint8Array;
};

export function encodeSolPacket({ sequence, acknowledged, accepted, nack, flags, data }: SolPacket): Buffer {
  const packet = Buffer.allocUnsafe(solHeadLength + data.length);
  packet[0] = sequence;
  packet[1] = acknowledged;
  packet[2] = accepted;
  packet[3] = flags | (nack ? nackBit : 0);
  packet.set(data, solHeadLength);
  return packet;
}

export function decodeSolPacket(payload: Uint8Array): SolPacket {
  const reader = new ByteReader(payload);
  const sequence = reader.u8() & 0x0f;
  const acknowledged = reader.u8() & 0x0f;
  const accepted = reader.u8();
  const status = reader.u8();
  if (reader.remaining > solMostCharacters) throw new Malformed(`${reader.remaining} characters in one packet`);
  return { sequence, acknowledged, accepted, nack: (status & nackBit) !== 0, flags: status & ~nackBit, data: reader.rest() };
}
