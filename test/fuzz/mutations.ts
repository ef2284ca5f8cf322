/** Corrupted or malicious bytes: one table of mutations for all tests of parsers. */
import { pick, type Roll } from './dice.ts';

const oddBytes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

const mutationTable: readonly ((packet: Buffer, roll: Roll) => Buffer)[] = [
  (packet, roll) => withByte(packet, roll(packet.length), roll(256)),
  (packet, roll) => withByte(packet, roll(packet.length), pick(oddBytes, roll)),
  (packet, roll) => {
    const at = roll(packet.length);
    return withByte(packet, at, (packet[at] ?? 0) ^ (1 << roll(8)));
  },
  (packet, roll) => packet.subarray(0, roll(packet.length)),
  (packet, roll) => packet.subarray(roll(packet.length)),
  (packet, roll) => Buffer.concat([packet, Buffer.alloc(1 + roll(300), roll(256))]),
  (packet, roll) => {
    const at = roll(packet.length);
    return Buffer.concat([packet.subarray(0, at), Buffer.alloc(roll(8), roll(256)), packet.subarray(at + roll(8))]);
  },
  // Duplicates a piece.
  (packet, roll) => {
    const [from, to] = [roll(packet.length), roll(packet.length)];
    return Buffer.concat([packet.subarray(0, Math.max(from, to)), packet.subarray(Math.min(from, to))]);
  },
];

function withByte(packet: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(packet);
  if (changed.length > 0) changed[at] = value;
  return changed;
}

/** One to three mutations. */
export function mutateBytes(packet: Buffer, roll: Roll): Buffer {
  let changed = packet;
  for (let times = 1 + roll(3); times > 0; times -= 1) changed = pick(mutationTable, roll)(changed, roll);
  return changed;
}

export function randomBytes(length: number, roll: Roll): Buffer {
  return Buffer.from(Array.from({ length }, () => roll(256)));
}

/** Long enough that a parser of quadratic run time is noticed by its duration. */
const longBytes = 256 * 1024;

/** A piece of the seed repeated. */
export function swell(seed: Buffer, roll: Roll): Buffer {
  const from = roll(seed.length);
  const piece = roll(3) === 0 ? seed : seed.subarray(from, from + 1 + roll(64));
  const head = seed.subarray(0, roll(2) === 0 ? from : 0);
  return piece.length === 0 ? Buffer.alloc(longBytes) : Buffer.concat([head, Buffer.alloc(longBytes, piece)]);
}
