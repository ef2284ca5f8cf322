/** Every parser of IPMI bytes alone: packets, payloads, messages, rows of the command table, records. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCapture } from '#test/captures/capture-file.ts';
import { decode } from '#wire/bytes/fields.ts';
import { Malformed } from '#wire/bytes/malformed.ts';
import { readBridged, sendMessage } from '#wire/ipmi/bridge.ts';
import { commandTable } from '#wire/ipmi/commands.ts';
import { areaNames, decodeFruArea, decodeFruHeader, decodeMultirecordHeader } from '#wire/ipmi/fru-data.ts';
import { decodeForwarded, decodeRequest, decodeResponse, encodeResponse } from '#wire/ipmi/message.ts';
import { decodeSdr, decodeSdrHeader } from '#wire/ipmi/sdr-records.ts';
import { decodeSelRecord, describeEvent, nameSource } from '#wire/ipmi/sel-records.ts';
import { analogFormats, convertReading, decodeFactors } from '#wire/ipmi/sensor-formulas.ts';
import { describeSensorType } from '#wire/ipmi/sensor-types.ts';
import { SolTransfer } from '#wire/ipmi/sol-transfer.ts';
import { decodeText, decodeUtf16 } from '#wire/ipmi/type-length-text.ts';
import { decodeAsf, encodeAsf } from '#wire/rmcp/asf-presence.ts';
import { decodeCipherSuiteIds, findCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import { IvPool } from '#wire/rmcp/iv-pool.ts';
import * as legacy from '#wire/rmcp/legacy-packet.ts';
import * as rakp from '#wire/rmcp/rakp.ts';
import {
  decodePlainPacket,
  decodeSessionPacket,
  encodeSessionPacket,
  isSessionPacket,
  peekSession,
  type SessionSecrets,
} from '#wire/rmcp/session-packet.ts';
import { decodeSolPacket, encodeSolPacket } from '#wire/rmcp/sol-packet.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { type ReaderRow, readerTarget, type Target } from './target.ts';

type Reader = (bytes: Buffer) => unknown;

const captures = ['ipmi', 'ipmi-1.5'].map((name) => join(import.meta.dirname, '../captures', name));
const message = Buffer.from('2018c88104013a', 'hex');

/** Stands for a session's secrets, which an attacker does not have. */
export const fuzzSecrets: SessionSecrets = {
  suite: findCipherSuite(17) as SessionSecrets['suite'],
  keys: { sik: Buffer.alloc(32, 1), k1: Buffer.alloc(32, 2), k2: Buffer.alloc(32, 3) },
};
const key = legacy.legacyKey('secret');
export const ivs = new IvPool();
export const signedPackets = [1, 7, 255].map((sequence) =>
  encodeSessionPacket({ type: 'ipmi', session: 1, sequence, payload: message }, fuzzSecrets, ivs.next()),
);
export const legacyPackets = [1, 7, 255].map((sequence) => legacy.encodeSignedPacket({ session: 1, sequence, message }, key));

/** Packets of real programs, in both directions, and some of our own. */
export async function packetSeeds(): Promise<Buffer[]> {
  const packets = [encodeAsf({ type: 'ping', tag: 1 }), encodeAsf({ type: 'pong', tag: 1, ipmi: true })];
  for (const folder of captures) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.hex')))
      for (const { packet } of (await readCapture(join(folder, file))).packets) packets.push(packet);
  }
  return [...packets, ...signedPackets, ...legacyPackets];
}

/** The content of unencrypted ones of those packets. */
export async function payloadSeeds(): Promise<Buffer[]> {
  const opened = (await packetSeeds()).map((packet) => {
    try {
      if (isSessionPacket(packet)) return decodePlainPacket(packet).payload;
      return legacy.readUnsignedMessage(packet);
    } catch (error) {
      if (error instanceof Malformed) return undefined;
      throw error;
    }
  });
  const sol = { sequence: 1, acknowledged: 2, accepted: 3, nack: true, flags: 0x10, data: Buffer.from('login: ') };
  return [...opened.filter((payload) => payload !== undefined), encodeSolPacket(sol)];
}

/** By the names of the functions. */
export const packetReaders: Readonly<Record<string, Reader>> = {
  isSessionPacket,
  peekSession,
  decodePlainPacket,
  decodeAsf,
  decodeLegacyPacket: legacy.decodeLegacyPacket,
  peekLegacySession: legacy.peekLegacySession,
  readUnsignedMessage: legacy.readUnsignedMessage,
};
export const signedReaders: Readonly<Record<string, Reader>> = {
  decodeSessionPacket: (packet) => decodeSessionPacket(packet, fuzzSecrets),
  decodeSignedPacket: (packet) => legacy.decodeSignedPacket(packet, key),
};
export const payloadReaders: Readonly<Record<string, Reader>> = {
  decodeOpenSessionRequest: rakp.decodeOpenSessionRequest,
  decodeOpenSessionResponse: rakp.decodeOpenSessionResponse,
  decodeRakp1: rakp.decodeRakp1,
  decodeRakp2: rakp.decodeRakp2,
  decodeRakp3: rakp.decodeRakp3,
  decodeRakp4: rakp.decodeRakp4,
  decodeRequest,
  decodeResponse,
  decodeForwarded,
  decodeUnguarded: (bytes) => decodeResponse(bytes, 'signature'),
  decodeSolPacket,
  decodeCipherSuiteIds,
};

/** Both directions of every row of the command table. */
export const commandReaders: Readonly<Record<string, Reader>> = Object.fromEntries(
  commandTable.flatMap(({ name, request, response }) => [
    [`${name}, request`, (bytes: Buffer) => decode(request, bytes, name)],
    [`${name}, response`, (bytes: Buffer) => decode(response, bytes, name)],
  ]),
);

const recordReaders: Readonly<Record<string, Reader>> = {
  decodeSdrHeader,
  decodeSdr,
  decodeSelRecord: (bytes) => {
    const { event } = decodeSelRecord(bytes);
    if (event) return [describeEvent(event), nameSource(event), describeSensorType(event.sensorType)];
  },
  decodeFruHeader,
  ...Object.fromEntries(areaNames.map((name) => [`decodeFruArea ${name}`, (bytes: Buffer) => decodeFruArea(name, bytes)])),
  decodeMultirecordHeader,
  formulas: (bytes) => {
    const [raw = 0, code = 0, linearization = 0] = bytes.subarray(-3);
    const format = analogFormats[code & 3] ?? 'none';
    const value = convertReading(raw, { format, linearization, factors: decodeFactors(bytes) });
    if (value !== undefined && !Number.isFinite(value)) throw new Error(`a reading of ${value}`);
  },
  decodeText: (bytes) => [0, 1, 2, 3].map((type) => decodeText(type, bytes, 'binary')),
  decodeUtf16,
};

/** SDR, FRU and SEL bytes like the virtual BMC's; their mutations are mostly random. */
const recordSeeds = [
  '0100510135200001010a010168000000ff7f0000808001000000010000000000000000000000c84b5055312054656d70',
  '02005102202000e2030108a104676f0000000000000000000000000000000000cb4361626c65',
  '030051031220000a0b016f000000c54576656e74',
  '040051110b20ff0000000ac5426f61726400',
  '050051120b20000000bf070100c3424d43',
  '0100000100feff01',
  '01090cc0a800c651454d5520c5566972747cc631323334353600c1000000000000',
  '010002ca5600ff7f2000040157010100',
  '0100027cd5f066200004010a01576061',
].map((hex) => Buffer.from(hex, 'hex'));

/** One of several parsers: the first byte selects it, so that an input alone can be replayed. */
function choose(readers: Readonly<Record<string, Reader>>): Reader {
  const all = Object.values(readers);
  return (input) => all[(input[0] ?? 0) % all.length]?.(input.subarray(1));
}

function chosenRow(name: string, share: number, readers: Readonly<Record<string, Reader>>): Omit<ReaderRow, 'seeds'> {
  const count = Object.keys(readers).length;
  return {
    ...{ name, share, refuses: [Malformed], read: choose(readers) },
    mutate: (seed, roll) => {
      const bytes = roll(3) === 0 ? randomBytes(roll(48), roll) : mutateBytes(seed, roll);
      return Buffer.concat([Buffer.of(roll(count)), bytes]);
    },
  };
}

/** The RMCP header is not signed, and a 1.5 packet may have one pad byte at the end. */
export function isForged(packets: readonly Buffer[]): (input: Buffer) => boolean {
  return (input) =>
    !packets.some((true_) => {
      const signed = true_.subarray(4);
      return input.subarray(4).equals(signed) || input.subarray(4, -1).equals(signed);
    });
}

/** Our serial line receives packets in any order; each input is several of them, each preceded by its length. */
function solTarget(): Target {
  return readerTarget({
    name: 'ipmi serial over lan',
    share: 3,
    seeds: payloadSeeds,
    refuses: [Malformed],
    read(input) {
      const line = new SolTransfer(
        {
          send: () => {},
          hear: (data) => data.length % 7 !== 3,
          flagged: () => {},
          lost: () => {},
          wait: () => 60_000,
        },
        { room: 16, repeats: 3 },
      );
      line.write(Buffer.from('reboot\r'), () => {});
      try {
        for (let at = 0; at < input.length; at += 1 + (input[at] ?? 0))
          line.receive(input.subarray(at + 1, at + 1 + (input[at] ?? 0)));
      } finally {
        line.stop();
      }
    },
  });
}

/** Get Device ID of a controller behind the BMC. */
const bridged = { netFn: 6, command: 1, sequence: 9 } as const;

/** Nested responses to Send Message, which finally contain a response to the pending request or to another one. */
function bridgedAnswer(roll: Roll): Buffer {
  const netFn = roll(3) === 0 ? 2 * roll(32) : bridged.netFn;
  const command = roll(3) === 0 ? roll(256) : bridged.command;
  const sequence = () => (roll(6) === 0 ? roll(64) : bridged.sequence);
  const completion = () => (roll(8) === 0 ? roll(256) : 0);
  const from = pick([0x20, 0x72, 0x81], roll);
  let message = encodeResponse({
    netFn,
    command,
    sequence: sequence(),
    completion: completion(),
    from,
    data: randomBytes(roll(8), roll),
  });
  for (let depth = roll(4); depth > 0; depth -= 1)
    message = encodeResponse({ ...sendMessage, sequence: sequence(), completion: completion(), data: message });
  return roll(3) === 0 ? mutateBytes(message, roll) : message;
}

/** Decides without our decoder whether the bytes contain a response to this request. Section 13.8. */
function holdsAnswer(message: Buffer): boolean {
  const [netFn, sequence, command] = [(message[1] ?? 0) >> 2, (message[4] ?? 0) >> 2, message[5]];
  if (message.length < 8 || sequence !== bridged.sequence) return false;
  if (netFn === bridged.netFn + 1 && command === bridged.command) return true;
  return netFn === 7 && command === 0x34 && message[6] === 0 && holdsAnswer(message.subarray(7, -1));
}

const bridgedTarget = readerTarget({
  ...{ name: 'ipmi bridged answers', share: 4, refuses: [Malformed] },
  seeds: () => [encodeResponse({ ...bridged, completion: 0, data: Buffer.of(0x20) })],
  mutate: (_, roll) => bridgedAnswer(roll),
  read(input) {
    const outcome = readBridged(input, bridged);
    if (outcome && 'answer' in outcome && !holdsAnswer(input)) throw new Error('an answer that was not asked for was taken');
    if (!(outcome && 'answer' in outcome) && holdsAnswer(input)) throw new Error('the answer was passed over');
    if (outcome && 'refusal' in outcome && outcome.refusal === 0) throw new Error('refused without a reason');
  },
});

export const ipmiByteTargets: readonly Target[] = [
  readerTarget({ ...chosenRow('rmcp packets', 8, packetReaders), seeds: packetSeeds }),
  readerTarget({ ...chosenRow('rmcp payloads', 8, payloadReaders), seeds: payloadSeeds }),
  readerTarget({
    ...{
      name: 'rmcp+ signed packets',
      share: 6,
      refuses: [Malformed],
      seeds: () => signedPackets,
      mustReject: isForged(signedPackets),
    },
    read: (input) => signedReaders['decodeSessionPacket']?.(input),
  }),
  readerTarget({
    ...{ name: 'ipmi 1.5 signed packets', share: 4, refuses: [Malformed], seeds: () => legacyPackets },
    mustReject: isForged(legacyPackets),
    read: (input) => signedReaders['decodeSignedPacket']?.(input),
  }),
  readerTarget({ ...chosenRow('ipmi commands', 12, commandReaders), seeds: payloadSeeds }),
  readerTarget({ ...chosenRow('ipmi records', 8, recordReaders), seeds: () => recordSeeds }),
  bridgedTarget,
  solTarget(),
];
