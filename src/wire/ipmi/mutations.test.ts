/**
 * Fuzzes every decoder with captured packets whose bytes are changed, removed, added and swapped: it decodes them or
 * throws `Malformed` with a reason, and nothing else. The seed is fixed, so failures are reproducible.
 */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { dice } from '#test/fuzz/dice.ts';
import {
  commandReaders,
  isForged,
  legacyPackets,
  packetReaders,
  packetSeeds,
  payloadReaders,
  payloadSeeds,
  signedPackets,
  signedReaders,
} from '#test/fuzz/ipmi-bytes.ts';
import { mutateBytes, randomBytes } from '#test/fuzz/mutations.ts';
import { Malformed } from '../bytes/malformed.ts';
import { commandTable, findCommand } from './commands.ts';

const rounds = 60;

/** @returns whether it was decoded */
function isRead(reader: (bytes: Buffer) => unknown, bytes: Buffer, name: string): boolean {
  try {
    reader(bytes);
    return true;
  } catch (error) {
    assert.ok(error instanceof Malformed, `${name} of ${bytes.toString('hex')} throws ${error}`);
    assert.ok(error.message.length > 5, `${name} gives a reason`);
    return false;
  }
}

suite('mutated packets', () => {
  let packets: Buffer[] = [];
  let payloads: Buffer[] = [];
  before(async () => {
    packets = await packetSeeds();
    payloads = await payloadSeeds();
  });

  for (const [readers, seeds] of [
    [{ ...packetReaders, ...signedReaders }, () => packets],
    [payloadReaders, () => payloads],
  ] as const) {
    for (const [name, reader] of Object.entries(readers)) {
      test(`${name} reads or rejects with a reason`, () => {
        const roll = dice(name.length);
        for (const seed of seeds()) for (let round = 0; round < rounds; round += 1) isRead(reader, mutateBytes(seed, roll), name);
      });
    }
  }

  for (const [name, signed] of Object.entries({ decodeSessionPacket: signedPackets, decodeSignedPacket: legacyPackets })) {
    test(`${name} reads nothing after any change of what is signed`, () => {
      const roll = dice(99);
      const reader = signedReaders[name];
      const isChanged = isForged(signed);
      for (const packet of signed) {
        assert.ok(reader && isRead(reader, packet, name));
        for (let round = 0; round < 700; round += 1) {
          const forged = mutateBytes(packet, roll);
          if (isChanged(forged)) assert.equal(isRead(reader, forged, name), false, forged.toString('hex'));
        }
      }
    });
  }
});

test('every row of the command table reads or rejects random bytes', () => {
  const roll = dice(7);
  for (const [name, reader] of Object.entries(commandReaders))
    for (let round = 0; round < rounds; round += 1) isRead(reader, randomBytes(roll(40), roll), name);
  for (const { netFn, command } of commandTable) assert.equal(findCommand(netFn, command)?.netFn, netFn);
});
