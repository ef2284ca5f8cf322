/** A step may wait for a time: the worker keeps it and runs the step again, also after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '#drivers/interfaces.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';

async function begin(
  steps: readonly Step[],
): Promise<Cloud & { operation: () => Promise<Operation>; state: () => Promise<unknown> }> {
  const cloud = await testCloud({ steps });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  const operation = async () => (await cloud.store.operations.list({ kind: 'deploy' }))[0]!;
  return { ...cloud, operation, state: async () => (await cloud.store.nodes.find({ uuid }))?.provision_state };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(setImmediate);
}

async function stopped(cloud: Pick<Cloud, 'engine' | 'store'>): Promise<void> {
  await cloud.engine.stop();
  await cloud.store.close();
}

test('runs a polling step again by a timer, which is not a wait for the ramdisk', async () => {
  let runs = 0;
  const states: unknown[] = [];
  const polls = aStep('poll', async () => {
    states.push(await cloud?.state());
    return ++runs < 4 ? { wait: 'the fan to stop', againIn: 0.002 } : { next: true };
  });
  let cloud: Awaited<ReturnType<typeof begin>> | undefined;
  cloud = await begin([polls]);
  await untilIdle(cloud);
  assert.equal(runs, 4);
  assert.equal((await cloud.operation()).state, 'done');
  assert.equal(states.at(-1), 'deploying');
  await stopped(cloud);
});

test('shows the wait with its time, and keeps both after a restart', async () => {
  let runs = 0;
  const polls = aStep('poll', async () => (++runs < 2 ? { wait: 'the fan to stop', againIn: 3600 } : { next: true }), 7200);
  const before = await begin([polls]);
  await until(async () => (await before.operation()).waiting_for !== null);
  const { id, waiting_for, again_at } = await before.operation();
  assert.equal(waiting_for, 'the fan to stop, again in 3600 s');
  assert.ok(Date.parse(again_at ?? '') > Date.now() + 3_000_000);
  await before.engine.stop();

  const after = await testCloud({ room: before.room, steps: [polls], store: before.store });
  await after.engine.start();
  // The step would run at once if its time were not known.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(runs, 1);
  await after.engine.stop();

  await before.store.operations.update({ id }, { again_at: new Date(Date.now() + 30).toISOString() });
  const last = await testCloud({ room: before.room, steps: [polls], store: before.store });
  await last.engine.start();
  await untilIdle(last);
  assert.equal(runs, 2);
  assert.deepEqual([(await before.operation()).state, (await before.operation()).again_at], ['done', null]);
  await stopped(last);
});

test('does not delay a polling step if the clock was set back while no process ran', async () => {
  let runs = 0;
  const polls = aStep('poll', async () => (++runs < 2 ? { wait: 'the fan to stop', againIn: 3600 } : { next: true }), 7200);
  const before = await begin([polls]);
  await until(async () => (await before.operation()).waiting_for !== null);
  await before.engine.stop();
  const { id } = await before.operation();
  const written = Date.now() + 86_400_000;
  const at = { updated_at: new Date(written).toISOString(), again_at: new Date(written + 3_600_000).toISOString() };
  await before.store.operations.update({ id }, at);

  const after = await testCloud({ room: before.room, steps: [polls], store: before.store });
  await after.engine.start();
  const ended = await Promise.race([after.engine.ended(id), new Promise((resolve) => setTimeout(resolve, 5000))]);
  assert.ok(ended, 'it waits until tomorrow');
  assert.equal((await before.operation()).state, 'done');
  await stopped(after);
});

test('fails a polling step at its deadline with what it waited for', async () => {
  const polls = aStep('poll', async () => ({ wait: 'the fan to stop', againIn: 0.01 }), 0.1);
  const cloud = await begin([polls]);
  await untilIdle(cloud);
  const { fault } = await cloud.operation();
  assert.equal(fault?.code, 'stepTimeout');
  assert.match(fault?.message ?? '', /waited for the fan to stop\./);
  await stopped(cloud);
});

test('cancelling an operation ends a long wait at once', async () => {
  const cloud = await begin([aStep('poll', async () => ({ wait: 'the fan to stop', againIn: 3600 }), 7200)]);
  await until(async () => (await cloud.operation()).waiting_for !== null);
  const { server_id } = await cloud.operation();
  await cloud.engine.deleteServer(server_id ?? '');
  await cloud.engine.ended((await cloud.operation()).id);
  assert.equal((await cloud.operation()).fault?.code, 'cancelled');
  await stopped(cloud);
});

test('a step with two power changes sends each command once, however often it is run', async () => {
  const room = newSharedState();
  const sent: string[] = [];
  const lag = new Map<string, number>();
  // The machine takes three looks to follow.
  room.bmcFault = (node, command) => {
    if (command !== 'status') {
      sent.push(command);
      lag.set(node, 3);
    }
    return undefined;
  };
  const runs: string[] = [];
  const step: Step = {
    ...aStep('restart', async () => ({ next: true })),
    async run(task) {
      runs.push('run');
      await task.power.set('power on');
      await task.power.set('power off');
      await task.power.set('power on');
      return { next: true };
    },
  };
  const get = room.power.get.bind(room.power);
  room.power.get = (node) => {
    const left = lag.get(node) ?? 0;
    if (left === 0) return get(node);
    lag.set(node, left - 1);
    return get(node) === 'power on' ? 'power off' : 'power on';
  };
  const cloud = await testCloud({ room, steps: [step] });
  await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.deepEqual(sent, ['power on', 'power off', 'power on']);
  assert.ok(runs.length > 3, `${runs.length} runs`);
  await stopped(cloud);
});

test('distinguishes steps of one name in the row, and finds a renamed step by its former name', async () => {
  let isBlocked = true;
  const runs: string[] = [];
  const go = async () => ({ next: true }) as const;
  const steps: Step[] = [
    aStep('power off', go),
    aStep('work', go),
    {
      ...aStep('power off', async (task) => {
        runs.push(task.operation.step);
        return isBlocked ? { wait: 'a word' } : { next: true };
      }),
      formerName: 'power off again',
    },
  ];
  const before = await begin(steps);
  await until(async () => (await before.operation()).waiting_for !== null);
  await before.engine.stop();
  await before.store.operations.update({ id: (await before.operation()).id }, { step: 'power off again' });

  isBlocked = false;
  const after = await testCloud({ room: before.room, steps, store: before.store });
  await after.engine.start();
  await untilIdle(after);
  assert.deepEqual(runs, ['power off #2', 'power off again']);
  assert.equal((await before.operation()).state, 'done');
  await stopped(after);
});
