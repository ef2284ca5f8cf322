import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { BiosSetting, Drivers, Outcome, StartedUpdate, Step, Task } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { aStore } from '#test/a-store.ts';
import { aNode, anOperation, aTask } from '#test/a-task.ts';
import { BoundOperations } from '../worker/bound-operations.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { recordFormerUpdates } from './firmware-step.ts';
import { type NodeStep, stepsOf } from './node-steps.ts';
import { definitions, provisionStateMachine } from './registry.ts';

const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 1, seconds: 15, detail: 'silence' });

/** `flash`: how long another version is waited for (milliseconds). */
type BmcAnswers = {
  versions?: (string | Fault)[];
  bios?: BiosSetting[][];
  silentFor?: number;
  flash?: number;
  /** What its task says at each poll; then it is done. Absent: it completes the update at once. */
  polls?: ('working' | 'restarting' | Fault | { failed: Fault })[];
};

const node = { management_interface: 'fake', firmware_interface: 'no-firmware', bios_interface: 'no-bios' };

/** A BMC with scripted responses; `did` lists the requests it received. */
async function aFixture(t: TestContext, bmc: BmcAnswers = {}) {
  const store = await aStore();
  t.after(() => store.close());
  const { id: _, ...machine } = aNode();
  await store.nodes.insert(machine);
  const did: string[] = [];
  const { versions = ['1.0'], bios = [[]], flash = 60_000, polls } = bmc;
  const cleanTimes = { poll: 1, lastWords: 1, flash };
  let silentFor = bmc.silentFor ?? 0;
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift()! : list[0]!);
  const drivers = {
    firmware: {
      'no-firmware': {
        async readComponents() {
          const version = next(versions);
          if (version instanceof Fault) throw version;
          return [{ component: 'BMC', version, updateable: true }];
        },
        async startUpdate() {
          did.push('update');
          return polls && { task: { id: '/tasks/1', request: 'POST /update' }, againIn: 0.001 };
        },
        async pollUpdate(_: unknown, { task }: StartedUpdate) {
          did.push(`poll ${task.id}`);
          const found = polls?.shift();
          if (found instanceof Fault) throw found;
          if (typeof found === 'object') return found;
          return found && { task: { ...task, isRestarting: found === 'restarting' }, againIn: 0.001 };
        },
      },
    },
    bios: {
      'no-bios': {
        readSettings: async () => next(bios),
        applySettings: async () => void did.push('apply'),
      },
    },
    management: {
      fake: {
        resetBmc: async (_: unknown, kind: string) => void did.push(`reset ${kind}`),
        async getBootDevice() {
          did.push('ask');
          if (silentFor-- > 0) throw silence;
          return { device: null, persistent: null };
        },
      },
    },
  } as unknown as Drivers;
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
  const steps = (asked: NodeStep[]) =>
    stepsOf({ store, drivers, cleanTimes, settings } as unknown as OperationParts, asked, { use: 'clean' });
  const run = (step: Step, context: JsonObject = {}, signal?: AbortSignal) => {
    const task = aTask({ node, operation: { step: step.name, context }, ...(signal && { signal }) });
    return { task, outcome: untilNext(step, task) };
  };
  /** Updates that may not have ended. */
  const left = async () => (await store.firmware_updates.list()).map(({ component, task }) => [component, task?.id]);
  return { store, drivers, did, steps, run, left };
}

/** Runs the step as the worker does: again, while it polls. */
async function untilNext(step: Step, task: Task): Promise<Outcome> {
  for (;;) {
    const outcome = await step.run(task);
    if (!('againIn' in outcome)) return outcome;
    await new Promise((resolve) => setTimeout(resolve, Number(outcome.againIn) * 1000));
    task.signal.throwIfAborted();
  }
}

const firmware: NodeStep = {
  interface: 'firmware',
  step: 'update',
  args: { settings: [{ component: 'BMC', url: 'http://192.0.2.1/fw' }] },
};
const begun = (version = '1.0') => ({
  flashing: { step: '1: update firmware of BMC', versions: { BMC: version }, is_recorded: true },
});

test('records a firmware update before it is sent, until it has completed', async (t) => {
  const { steps, run, did } = await aFixture(t);
  const { task, outcome } = run(steps([firmware])[0]!);
  assert.deepEqual(await outcome, { next: true, context: { flashing: null } });
  assert.deepEqual(did, ['update']);
  assert.deepEqual(task.operation.context, begun());
});

test('does not repeat a firmware update after a crash; a new version counts as success', async (t) => {
  const { steps, run, did } = await aFixture(t, { versions: [silence, '1.0', '1.1'] });
  const { task, outcome } = run(steps([firmware])[0]!, begun());
  assert.deepEqual(await outcome, { next: true, context: { flashing: null } });
  assert.deepEqual([did, task.notes], [[], ['Ingot was restarted during the update; BMC is now 1.1']]);
});

test('polls the task of a firmware update, which is kept in the row with what is known of it', async (t) => {
  const { steps, run, did } = await aFixture(t, { polls: ['working', 'restarting'] });
  const { task, outcome } = run(steps([firmware])[0]!);
  assert.deepEqual(await outcome, { next: true, context: { flashing: null } });
  assert.deepEqual(did, ['update', 'poll /tasks/1', 'poll /tasks/1', 'poll /tasks/1']);
  const { flashing } = task.operation.context as { flashing: JsonObject };
  assert.deepEqual(flashing['task'], { id: '/tasks/1', request: 'POST /update', isRestarting: true });
});

test('a restart of Ingot during a firmware update polls the same task, and sends nothing again', async (t) => {
  const { steps, run, did } = await aFixture(t, { polls: ['working', 'working'] });
  const [step] = steps([firmware]);
  const before = aTask({ node, operation: { step: step!.name } });
  const waiting = await step!.run(before);
  assert.ok('againIn' in waiting);
  const stored = JSON.parse(JSON.stringify(before.operation.context));
  assert.deepEqual(await run(step!, stored).outcome, { next: true, context: { flashing: null } });
  assert.deepEqual(did, ['update', 'poll /tasks/1', 'poll /tasks/1', 'poll /tasks/1']);
});

const badImage = new Fault('bmcError', { address: '192.0.2.7', command: 'POST /update', detail: 'bad image' });

test('a firmware update that its task reports as failed fails the step, and is over', async (t) => {
  const { steps, run, left } = await aFixture(t, { polls: ['working', { failed: badImage }] });
  await assert.rejects(run(steps([firmware])[0]!).outcome, /bad image/);
  assert.deepEqual(await left(), []);
});

test('a firmware update may not have ended after any other failure', async (t) => {
  const { steps, run, left } = await aFixture(t, { polls: ['working', silence] });
  await assert.rejects(run(steps([firmware])[0]!).outcome, { code: 'bmcUnreachable' });
  assert.deepEqual(await left(), [['BMC', '/tasks/1']]);
});

test('a firmware update is recorded until it has ended, unless it is refused', async (t) => {
  const { steps, run, left, drivers } = await aFixture(t, { polls: ['working'] });
  const [step] = steps([firmware]);
  const task = aTask({ node, operation: { step: step!.name } });
  await step!.run(task);
  assert.deepEqual(await left(), [['BMC', '/tasks/1']]);
  await untilNext(step!, task);
  assert.deepEqual(await left(), []);

  const firmwareOf = drivers.firmware as unknown as Record<string, { startUpdate(): Promise<never> }>;
  for (const [fault, remains] of [
    [badImage, []],
    [silence, [['BMC', undefined]]],
  ] as const) {
    firmwareOf['no-firmware']!.startUpdate = () => Promise.reject(fault);
    await assert.rejects(run(step!).outcome, fault);
    assert.deepEqual(await left(), remains);
  }
});

test('an update that a former version has sent is recorded at the start', async (t) => {
  const { store, left } = await aFixture(t);
  const flashing = { step: '1: update firmware of BMC', versions: {}, task: { id: '/tasks/9', request: 'POST /update' } };
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
  const node_uuid = aNode().uuid;
  const insert = async (id: string, context: object) => {
    const { uuid: _, ...row } = {
      uuid: '',
      ...anOperation({ id, node_uuid, kind: 'clean', state: 'running', context: context as JsonObject }),
    };
    await store.operations.insert(row);
  };
  await insert('new', { flashing: { ...flashing, is_recorded: true } });
  await recordFormerUpdates({ store, settings });
  assert.deepEqual(await left(), []);
  await insert('former', { flashing });
  await insert('other', {});
  await recordFormerUpdates({ store, settings });
  assert.deepEqual(await left(), [['', '/tasks/9']]);
});

test('leaves a firmware update to the operator if the version is unchanged after a crash', async (t) => {
  const { steps, run, did } = await aFixture(t, { flash: 50 });
  const { outcome } = run(steps([firmware])[0]!, begun());
  await assert.rejects(outcome, {
    code: 'interrupted',
    message: /firmware of BMC .*the version is unchanged \(1\.0\).*not sent again/,
  });
  assert.deepEqual(did, []);
});

test('counts BIOS settings as applied when all read back, and never shows passwords', async (t) => {
  const setting = (name: string, value: Json, type?: BiosSetting['type']) => ({ name, value, ...(type && { type }) });
  const changes = [
    { name: 'Boot', value: 'Uefi' },
    { name: 'Setup', value: 'secret' },
    { name: 'Threads', value: 'False' },
    { name: 'Retries', value: '07' },
  ];
  const retries = setting('Retries', 7, 'Integer');
  const bios = [
    [],
    [setting('Boot', 'Legacy')],
    [setting('Boot', 'Uefi')],
    [setting('Boot', 'Uefi'), setting('Setup', null, 'Password'), setting('Threads', true, 'Boolean'), retries],
    [setting('Boot', 'Uefi'), setting('Setup', null, 'Password'), setting('Threads', false, 'Boolean'), retries],
  ];
  const { steps, run } = await aFixture(t, { bios });
  const [, , , seen] = steps([{ interface: 'bios', step: 'apply_configuration', args: { settings: changes } }]);
  assert.equal(seen?.name, '4: see BIOS settings applied');
  assert.deepEqual(await run(seen).outcome, { next: true });
  assert.equal(bios.length, 1);
});

test('waits for a BMC that restarts', async (t) => {
  const { steps, run, did } = await aFixture(t, { silentFor: 2 });
  await run(steps([{ interface: 'management', step: 'reset_bmc' }])[0]!).outcome;
  assert.deepEqual(did, ['reset cold', 'ask', 'ask', 'ask']);
});

test('aborting a cleaning ends its wait at once', async (t) => {
  const { steps, run } = await aFixture(t);
  const abort = new AbortController();
  const { outcome } = run(steps([firmware])[0]!, begun(), abort.signal);
  abort.abort(new Error('aborted'));
  await assert.rejects(outcome, /aborted/);
});

test('keeps maintenance set by an operator during a cleaning, and clears that of a failed cleaning', async (t) => {
  const { store, drivers } = await aFixture(t);
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
  const operations = new BoundOperations(definitions, {
    ...{ store, drivers, settings, states: provisionStateMachine },
  } as unknown as OperationParts);
  const end = async (changes: Partial<Node>, operation: Partial<Operation>) => {
    const { id: _, ...row } = aNode({ uuid: randomUUID(), name: null, provision_state: 'cleaning', ...changes });
    const { uuid } = await store.nodes.insert(row);
    const request = { target: 'manageable', clean_steps: [firmware] } as unknown as JsonObject;
    const ended = anOperation({ kind: 'clean', node_uuid: uuid, state: 'done', request, ...operation });
    await operations.ended(store, operations.read(ended), () => assert.fail('nothing follows'));
    const { maintenance, maintenance_reason, fault } = (await store.nodes.find({ uuid }))!;
    return [maintenance, maintenance_reason, fault];
  };
  const mine = { maintenance: true, maintenance_reason: 'A fan is loud.' };
  assert.deepEqual(await end(mine, {}), [true, 'A fan is loud.', null]);
  assert.deepEqual(await end({ ...mine, fault: 'clean failure' }, {}), [false, null, null]);
  const [, reason, fault] = await end(mine, { state: 'failed' });
  assert.match(String(reason), /^A fan is loud\. Cleaning failed at/);
  assert.equal(fault, 'clean failure');
});

test('does not repeat a BMC restart after a crash', async (t) => {
  const { steps, run, did } = await aFixture(t, { silentFor: 1 });
  const [step] = steps([{ interface: 'management', step: 'reset_bmc' }]);
  const { task, outcome } = run(step!);
  await outcome;
  await run(step!, task.operation.context).outcome;
  assert.deepEqual(did, ['reset cold', 'ask', 'ask', 'ask']);
});
