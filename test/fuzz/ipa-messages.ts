/** What Ironic's own agent says: its hardware, the results of its commands, and where it wants to be called. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import { IpaError, programOf, readCallback, readInventory } from '#drivers/ipa/index.ts';
import { ipaCleanSteps, ipaHardware } from '#test/an-ipa.ts';
import { pick } from './dice.ts';
import { mutateJsonText } from './json-mutations.ts';
import { checkPlain, readerTarget, type Target } from './target.ts';

const results = [ipaCleanSteps, { clean_result: { '/dev/sda': null }, clean_step: { step: 'erase_devices' } }];
const jsonOf = (values: readonly object[]) => () => values.map((value) => Buffer.from(JSON.stringify(value)));
const parse = (input: Buffer) => {
  try {
    return JSON.parse(input.toString()) as unknown;
  } catch {
    return undefined;
  }
};

const hardwareTarget = readerTarget({
  ...{ name: 'hardware reported by IPA', share: 1, refuses: [] },
  seeds: jsonOf([ipaHardware()]),
  mutate: (_, roll) => mutateJsonText(ipaHardware() as never, roll),
  read(input) {
    const inventory = readInventory(parse(input));
    if (!inventory) return undefined;
    assert.ok(Value.Check(Inventory, inventory));
    checkPlain(inventory.disks);
    return inventory;
  },
});

const resultTarget = readerTarget({
  ...{ name: 'results of commands of IPA', share: 1, refuses: [IpaError] },
  seeds: jsonOf(results),
  mutate: (_, roll) => mutateJsonText(pick(results, roll) as never, roll),
  read: (input) => [0, 1].map((call) => programOf(call === 0 ? 'clean' : 'write-image')?.keep(parse(input), call)),
});

const address = '172.30.0.20';

const callbackTarget = readerTarget({
  ...{ name: 'callback URLs of IPA', share: 1, refuses: [Fault] },
  seeds: () => [`https://${address}:9999`, `https://${address}:9999/`, 'https://[fd00::1]:9999'].map((text) => Buffer.from(text)),
  read(input) {
    const { hostname, port } = new URL(readCallback(input.toString(), address));
    assert.ok(isIP(hostname) === 4 && hostname === address && Number(port) >= 1024);
    return hostname;
  },
});

export const ipaTargets: readonly Target[] = [hardwareTarget, resultTarget, callbackTarget];
