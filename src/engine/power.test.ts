import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PowerState } from '#domain/records.ts';
import type { PowerTarget } from '#drivers/interfaces.ts';
import { openStore } from '#store/store.ts';
import { aNode } from '#test/a-task.ts';
import { changePower } from './power.ts';

const settings = { 'power.timeout': 5, 'power.poll_ms': 1 };

/** A power switch that knows some commands; `sent` tells what it was told. */
async function setStage({ targets, state = 'power on' }: { targets?: readonly PowerTarget[]; state?: PowerState }) {
  const store = await openStore(':memory:');
  const node = { ...aNode(), ports: [] };
  const sent: PowerTarget[] = [];
  const power = {
    properties: {},
    validate() {},
    ...(targets && { targets }),
    getPower: async () => state,
    async setPower(_: unknown, target: PowerTarget) {
      sent.push(target);
      state = target === 'power off' || target === 'soft power off' ? 'power off' : 'power on';
    },
  };
  const change = (target: PowerTarget) =>
    changePower({ store, node, power, settings, signal: new AbortController().signal }, target);
  return { change, sent, close: () => store.close() };
}

const cases: { knows?: readonly PowerTarget[]; state?: PowerState; asked: PowerTarget; sent: PowerTarget[] }[] = [
  { asked: 'reset', sent: ['reset'] },
  { asked: 'power cycle', sent: ['power cycle'] },
  { asked: 'power cycle', state: 'power off', sent: ['power on'] },
  { asked: 'power on', sent: [] },
  { knows: ['power on', 'power off'], asked: 'reset', sent: ['power off', 'power on'] },
  { knows: ['power on', 'power off'], asked: 'power cycle', sent: ['power off', 'power on'] },
  { knows: ['power on', 'power off'], asked: 'reset', state: 'power off', sent: ['power on'] },
  { knows: ['power on', 'power off'], asked: 'soft power off', sent: ['power off'] },
  { knows: ['power on', 'power off', 'power cycle'], asked: 'power cycle', sent: ['power cycle'] },
];

for (const { knows, state = 'power on', asked, sent: expected } of cases) {
  test(`${asked} of a machine that is ${state}, by power that knows ${knows?.join(', ') ?? 'all'}`, async (t) => {
    const { change, sent, close } = await setStage({ state, ...(knows && { targets: knows }) });
    t.after(close);
    await change(asked);
    assert.deepEqual(sent, expected);
  });
}
