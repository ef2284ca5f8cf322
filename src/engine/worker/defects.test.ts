/** What is wrong with a definition, a step or a row ends its operation, and leaves a node that an operator can use. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { Fault } from '#domain/faults.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { aStep } from '#test/a-cloud.ts';
import { allowWrites, refuseWrites } from '#test/a-full-disk.ts';
import { aStore, databaseOf } from '#test/a-store.ts';
import { aDefinition, anUnendedOperation, aWorker, resumed } from '#test/a-worker.ts';
import type { Definition } from './define-operation.ts';

const go = async () => ({ next: true }) as const;
const work = aStep('work', go);
const defect = (): never => {
  throw new Error('a defect');
};

async function open(t: TestContext): Promise<Store> {
  const store = await aStore();
  t.after(() => store.close());
  return store;
}

/** Runs an operation of this definition to its end; a worker that tries for ever fails by the test's timeout. */
async function run(t: TestContext, changes: Partial<Definition>, row: Parameters<typeof anUnendedOperation>[1] = {}) {
  const store = await open(t);
  const { id, node_uuid, server_id } = await anUnendedOperation(store, row);
  const worker = aWorker(store, aDefinition(changes));
  const [operation] = await resumed(worker, store, [id]);
  await worker.stop();
  const node = (await store.nodes.find({ uuid: node_uuid }))!;
  const server = (await store.servers.find({ id: server_id ?? '' }))!;
  return { operation: operation!, node, server };
}

function counted<R>(call: (count: number) => R): { call: () => R; count: () => number } {
  let count = 0;
  return { call: () => call(++count), count: () => count };
}

test('an exception in `steps` fails the operation, which is rolled back', async (t) => {
  const undone: string[] = [];
  const ended: string[] = [];
  const undo = aStep('undo', async () => {
    undone.push('undo');
    return { next: true };
  });

  const { operation } = await run(t, {
    steps: defect,
    undo: () => [undo],
    async ended(_trx, { state }) {
      ended.push(state);
      return [];
    },
  });

  assert.deepEqual([operation.state, operation.fault?.code, operation.fault?.step], ['failed', 'internal', 'work']);
  assert.match(operation.fault?.message ?? '', /a defect/);
  assert.deepEqual([undone, ended], [['undo'], ['failed']]);
});

test('the steps of an operation are built once', async (t) => {
  const steps = counted(() => [work, aStep('more', async () => ({ next: true }))]);

  const { operation } = await run(t, { steps: steps.call });

  assert.deepEqual([operation.state, steps.count()], ['done', 1]);
});

for (const { title, row, steps } of [
  { title: 'when a step has failed', row: {}, steps: [aStep('work', defect)] },
  { title: 'of an operation that is being rolled back', row: { state: 'rolling_back' }, steps: [work] },
] as const) {
  test(`an exception in \`undo\` ${title} ends the operation, with its own end`, async (t) => {
    const undo = counted(defect);
    const ended: [Operation['state'], number | undefined][] = [];

    const { operation, node } = await run(
      t,
      {
        steps: () => steps,
        undo: undo.call,
        async ended(_trx, { state, context }) {
          ended.push([state, context.undo_faults?.length]);
          return [];
        },
      },
      row,
    );

    assert.deepEqual([operation.state, node.operation_id], ['failed', null]);
    // The disk counts as written to, since nobody knows what the rollback would have found.
    assert.deepEqual(ended, [['failed', 1]]);
  });
}

for (const { title, steps, message } of [
  { title: 'after success', steps: [work], message: /a defect/ },
  { title: 'after a failure', steps: [aStep('work', async () => Promise.reject(new Fault('noSpace', {})))], message: /a defect/ },
]) {
  test(`an exception in \`ended\` ${title} is not repeated: node and server get a state that can be left`, async (t) => {
    const ended = counted(async () => defect());

    const { operation, node, server } = await run(t, { steps: () => steps, ended: ended.call });

    assert.equal(ended.count(), 1);
    assert.deepEqual([operation.state, operation.fault?.code], ['failed', 'internal']);
    assert.match(operation.fault?.message ?? '', message);
    assert.deepEqual([node.provision_state, node.maintenance, node.operation_id], ['deploy failed', true, null]);
    assert.match(node.maintenance_reason ?? '', /Operation "deploy server web1" could not be ended properly\. .*a defect/);
    assert.deepEqual([node.instance_uuid, node.must_clean], [server.id, true]);
    assert.deepEqual([server.vm_state, server.task_state], ['error', null]);
  });
}

test('what an exception in `ended` had written is rolled back', async (t) => {
  const { node } = await run(t, {
    steps: () => [work],
    async ended(trx, { node_uuid }) {
      await trx.nodes.update({ uuid: node_uuid }, { must_clean: false, instance_uuid: null });
      return defect();
    },
  });

  assert.deepEqual([node.must_clean, node.instance_uuid !== null], [true, true]);
});

test('an end that the database refuses for a while is tried again', async (t) => {
  const store = await open(t);
  const { id } = await anUnendedOperation(store);
  const ended = counted(async (count) => {
    if (count === 1) setImmediate(() => void allowWrites(store, 'servers'));
  });
  const definition = aDefinition({
    steps: () => [work],
    async ended(trx, { server_id }) {
      await ended.call();
      await trx.servers.update({ id: server_id ?? '' }, { vm_state: 'active', task_state: null });
      return [];
    },
  });
  await refuseWrites(store, 'UPDATE', 'servers');
  const worker = aWorker(store, definition);

  const [operation] = await resumed(worker, store, [id]);

  assert.deepEqual([operation?.state, ended.count()], ['done', 2]);
  await worker.stop();
});

test('a result that cannot be written fails the operation, which is rolled back', async (t) => {
  const undone: string[] = [];
  const undo = aStep('undo', async () => {
    undone.push('undo');
    return { next: true };
  });
  const odd = { size: 1n } as never;

  const { operation } = await run(t, {
    steps: () => [aStep('work', async () => ({ next: true, context: odd })), aStep('more', go)],
    undo: () => [undo],
  });

  assert.deepEqual([operation.state, operation.fault?.code, undone], ['failed', 'internal', ['undo']]);
});

test('a rollback whose first step has an impossible timeout is left out', async (t) => {
  const { operation } = await run(t, {
    steps: () => [aStep('work', defect)],
    undo: () => [aStep('undo', go, Number.NaN)],
  });

  assert.deepEqual([operation.state, operation.fault?.code], ['failed', 'internal']);
});

const oddTimes: readonly Partial<Extract<Outcome, { wait: string }>>[] = [
  ...[Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 1e15].map((againIn) => ({ againIn })),
  ...[Number.NaN, -1, Number.POSITIVE_INFINITY, 1e15].map((seconds) => ({ seconds })),
];
for (const times of oddTimes) {
  const [[name, value] = []] = Object.entries(times);
  test(`a step that waits with ${name} = ${value} fails at once`, async (t) => {
    const runs = counted(async (): Promise<Outcome> => ({ wait: 'the fan to stop', ...times }));

    const { operation } = await run(t, { steps: () => [aStep('work', runs.call)] });

    assert.deepEqual([operation.state, operation.fault?.code, runs.count()], ['failed', 'internal', 1]);
    assert.match(operation.fault?.message ?? '', /a step cannot wait for the fan to stop/);
  });
}

for (const [title, row] of Object.entries({
  'is no time': { again_at: 'soon' },
  'is far away': { again_at: '9999-12-31T23:59:59.999Z' },
  'is far away, as is its deadline': { again_at: '9999-12-31T23:59:59.999Z', deadline_at: '9999-12-31T23:59:59.999Z' },
  'is not known, nor its deadline': { deadline_at: 'late' },
})) {
  test(`a step whose next poll ${title} is run at the start`, async (t) => {
    const { operation } = await run(t, { steps: () => [work] }, { waiting_for: 'the fan to stop', ...row });

    assert.equal(operation.state, 'done');
  });
}

/** Damages the first row; the second one, which is younger, must be resumed all the same. */
for (const [title, damage] of Object.entries({
  'a context that is no JSON': { context: '{"agent_secret":"s3cret' },
  'a context that is no object': { context: 'null' },
  'a request that is no JSON': { request: '?' },
  'a fault that is no JSON': { fault: 'no', state: 'rolling_back' },
  'an unknown kind': { kind: 'of another version' },
  'an unknown kind, being rolled back': { kind: 'of another version', state: 'rolling_back' },
  'an unknown kind, a time and a step': { kind: 'of another version', again_at: '9999-12-31T23:59:59.999Z', step: '?' },
})) {
  test(`a row with ${title} ends safely, and the next row is resumed`, async (t) => {
    const store = await open(t);
    const bad = await anUnendedOperation(store);
    const good = await anUnendedOperation(store);
    const set = sql.join(Object.entries(damage).map(([column, value]) => sql`${sql.ref(column)} = ${value}`));
    await sql`UPDATE operations SET ${set} WHERE id = ${bad.id}`.execute(databaseOf(store));
    const worker = aWorker(store, aDefinition({ steps: () => [work], ended: leaveFailed }));

    const [first, second] = await resumed(worker, store, [bad.id, good.id]);

    assert.deepEqual([first?.state, second?.state], [title === 'a context that is no object' ? 'done' : 'failed', 'done']);
    assert.doesNotMatch(JSON.stringify(first?.fault), /s3cret/);
    const node = await store.nodes.find({ uuid: bad.node_uuid });
    assert.equal(node?.operation_id, null);
    assert.equal(node?.provision_state, first?.state === 'done' ? 'active' : 'deploy failed');
    await worker.stop();
  });
}

const leaveFailed: Definition['ended'] = async (trx, { node_uuid, state }) => {
  await trx.nodes.update({ uuid: node_uuid }, { provision_state: state === 'done' ? 'active' : 'deploy failed' });
  return [];
};

for (const { state, instance_uuid, left } of [
  { state: 'of another version', instance_uuid: null, left: 'clean failed' },
  { state: 'of another version', instance_uuid: 'server', left: 'error' },
  { state: 'cleaning', instance_uuid: null, left: 'clean failed' },
  { state: 'active', instance_uuid: 'server', left: 'active' },
]) {
  const title = `an operation of an unknown kind leaves a node that was ${state}, with ${instance_uuid ?? 'no server'}, ${left}`;
  test(title, async (t) => {
    const node = { provision_state: state as 'cleaning', instance_uuid, maintenance_reason: 'a noisy fan' };

    const result = await run(t, {}, { kind: 'of another version', node });

    assert.deepEqual([result.node.provision_state, result.node.maintenance, result.node.must_clean], [left, true, true]);
    assert.match(result.node.maintenance_reason ?? '', /^a noisy fan Operation "deploy server web1" could not be ended/);
  });
}

test('a node whose row is damaged does not keep its operation from ending', async (t) => {
  const store = await open(t);
  const { id, node_uuid } = await anUnendedOperation(store);
  await sql`UPDATE nodes SET properties = '?' WHERE uuid = ${node_uuid}`.execute(databaseOf(store));
  const worker = aWorker(
    store,
    aDefinition({
      steps: (): readonly Step[] => [work],
      async ended(trx, operation) {
        await trx.nodes.find({ uuid: operation.node_uuid });
        return [];
      },
    }),
  );

  const [operation] = await resumed(worker, store, [id]);

  assert.deepEqual([operation?.state, operation?.fault?.code], ['failed', 'internal']);
  const [node] = await store.nodes.pick(['operation_id', 'provision_state'], { uuid: node_uuid });
  assert.deepEqual(node, { operation_id: null, provision_state: 'deploy failed' });
  await worker.stop();
});
