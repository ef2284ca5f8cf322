import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { PowerTarget } from '#drivers/interfaces.ts';
import { aStore } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';
import { StepMemory } from '../worker/step-memory.ts';
import { StepWait } from '../worker/step-wait.ts';
import { changePower } from './power.ts';

/** Runs a step's change as the worker does: again, after the time it asks for. */
async function untilChanged(memory: StepMemory, run: (memory: StepMemory) => Promise<void>): Promise<void> {
  for (;;) {
    memory.power.restart();
    try {
      return await run(memory);
    } catch (error) {
      if (!(error instanceof StepWait)) throw error;
      await new Promise((resolve) => setTimeout(resolve, (error.outcome.againIn ?? 0) * 1000));
    }
  }
}

const settings = { 'power.timeout': 5, 'power.poll_ms': 1 };

/** A power interface that supports some commands; `sent` lists the commands received. */
async function setUp({ targets, state = 'power on' }: { targets?: readonly PowerTarget[]; state?: PowerState }) {
  const store = await aStore();
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
    untilChanged(new StepMemory(), (memory) =>
      changePower({ store, node, power, settings, memory, signal: new AbortController().signal }, target),
    );
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
  test(`${asked} of a machine that is ${state}, by a driver that supports ${knows?.join(', ') ?? 'all'}`, async (t) => {
    const { change, sent, close } = await setUp({ state, ...(knows && { targets: knows }) });
    t.after(close);
    await change(asked);
    assert.deepEqual(sent, expected);
  });
}

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 5, seconds: 15 });
const busy = new Fault('bmcError', { address: '192.0.2.7', command: 'x', detail: 'busy' });

type Answer = PowerState | Fault;
/** `states`: the BMC's responses to polls, the last one repeats; `sends`: results of the commands, `ok` or a fault. */
async function aMoodyBmc(t: TestContext, { states, sends }: { states: Answer[]; sends: (Fault | 'ok')[] }) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = await aStore();
  t.after(() => store.close());
  const sent: PowerTarget[] = [];
  const power = {
    properties: {},
    validate() {},
    async getPower() {
      const answer = states.length > 1 ? states.shift()! : states[0]!;
      if (answer instanceof Fault) throw answer;
      return answer;
    },
    async setPower(_: unknown, target: PowerTarget) {
      sent.push(target);
      const outcome = sends.shift();
      if (outcome instanceof Fault) throw outcome;
    },
  };
  const node = { ...aNode(), ports: [] };
  const context = { store, node, power, settings, signal: new AbortController().signal };
  const change = async (target: PowerTarget, gracePeriodSeconds: number) => {
    const done = untilChanged(new StepMemory(), (memory) => changePower({ ...context, memory, gracePeriodSeconds }, target));
    const ended = done.then(
      () => true,
      () => true,
    );
    // Delays pass at once, including those for an unreachable BMC.
    while (!(await Promise.race([ended, new Promise((resolve) => setImmediate(resolve, false))]))) t.mock.timers.tick(2000);
    return done;
  };
  return { change, sent };
}

test('waits for a BMC that is unreachable during a restart', async (t) => {
  const { change, sent } = await aMoodyBmc(t, { states: [silence, silence, 'power off', 'power on'], sends: ['ok'] });
  await change('power on', 60);
  assert.deepEqual(sent, ['power on']);
});

test('without a grace period the first timeout is final', async (t) => {
  const { change, sent } = await aMoodyBmc(t, { states: [silence, 'power off'], sends: [] });
  await assert.rejects(change('power on', 0), silence);
  assert.deepEqual(sent, []);
});

test('repeats a command whose reply was lost only if it had no effect', async (t) => {
  const lost = await aMoodyBmc(t, { states: ['power off', silence, 'power off', 'power on'], sends: [silence, 'ok'] });
  await lost.change('power on', 60);
  assert.deepEqual(lost.sent, ['power on', 'power on']);
});

test('does not repeat a command that took effect before the BMC became unreachable', async (t) => {
  const done = await aMoodyBmc(t, { states: ['power off', silence, 'power on'], sends: [silence] });
  await done.change('power on', 60);
  assert.deepEqual(done.sent, ['power on']);
});

test('does not repeat a reset whose reply was lost', async (t) => {
  const { change, sent } = await aMoodyBmc(t, { states: ['power on'], sends: [silence] });
  await assert.rejects(change('reset', 60), silence);
  assert.deepEqual(sent, ['reset']);
});

test('retries a BMC that reports busy during a power change', async (t) => {
  const { change, sent } = await aMoodyBmc(t, { states: ['power on', busy, silence, 'power off'], sends: ['ok'] });
  await change('power off', 60);
  assert.deepEqual(sent, ['power off']);
});

test('waits for a BMC that reports not to be ready', async (t) => {
  const notReady = new Fault('bmcNotReady', { address: '192.0.2.7', command: 'Get Chassis Status', detail: 'D2h' });
  const { change, sent } = await aMoodyBmc(t, { states: [notReady, 'power off', notReady, 'power on'], sends: ['ok'] });
  await change('power on', 60);
  assert.deepEqual(sent, ['power on']);
});
