import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';
import { allowWrites, refuseWrites } from '#test/a-full-disk.ts';
import { aRequester, sayHello } from '#test/an-agent.ts';

const go = async () => ({ next: true }) as const;
const forEver = async () => ({ wait: 'for ever' });
const monthSeconds = 31 * 24 * 3600;

/** Waits until the row of the only operation of this kind matches. */
async function untilRow(cloud: Cloud, isSo: (operation: Operation) => boolean): Promise<Operation> {
  for (;;) {
    const [operation] = await cloud.store.operations.list({}, { orderBy: 'created_at', descending: true, limit: 1 });
    if (operation && isSo(operation)) return operation;
    await new Promise(setImmediate);
  }
}

async function stopped(cloud: Cloud): Promise<void> {
  await cloud.engine.stop();
  await cloud.store.close();
}

test('resumes an operation once its row can be written again', async () => {
  let runs = 0;
  const cloud: Cloud = await testCloud({
    steps: [
      aStep('fill', async () => {
        if (++runs === 1) await refuseWrites(cloud.store, 'UPDATE', 'operations');
        else await allowWrites(cloud.store, 'operations');
        return { next: true };
      }),
    ],
  });
  await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.equal(runs, 2);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await stopped(cloud);
});

test('a step whose own writes fail for lack of space runs again, and its operation does not fail', async () => {
  let runs = 0;
  const cloud: Cloud = await testCloud({
    steps: [
      aStep('power', async (task) => {
        if (++runs === 1) await refuseWrites(cloud.store, 'UPDATE', 'nodes');
        else await allowWrites(cloud.store, 'nodes');
        await task.power.set('power on');
        return { next: true };
      }),
    ],
  });
  await anAvailableNode(cloud, 'n1');

  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);

  const [deployment] = await cloud.store.operations.list({ server_id: server!.id });
  assert.deepEqual([runs > 1, deployment?.state, deployment?.fault], [true, 'done', null]);
  await stopped(cloud);
});

test('a rollback waits for a command that was in flight when its step was aborted', async () => {
  const room = newSharedState();
  const arrives = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const cloud = await testCloud({
    room,
    steps: [
      aStep('power on late', async (task) => {
        begun.resolve();
        await arrives.promise;
        room.power.set(task.node.uuid, 'power on');
        return { next: true };
      }),
    ],
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await begun.promise;
  await cloud.engine.deleteServer(server!.id);
  setImmediate(() => arrives.resolve());
  await untilIdle(cloud);
  assert.equal(room.power.get(node.uuid), 'power off');
  await stopped(cloud);
});

test('accepts a deadline beyond the limit of a timer', async () => {
  const cloud = await testCloud({
    steps: [aStep('work', async () => new Promise((done) => setTimeout(() => done({ next: true }), 20)), monthSeconds)],
  });
  await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await stopped(cloud);
});

test('restarts the timeout of a step whose deadline passed while no worker ran', async () => {
  let isBlocked = true;
  const steps = [aStep('work', async () => (isBlocked ? { wait: 'a word' } : { next: true }))];
  const before = await testCloud({ steps });
  await anAvailableNode(before, 'n1');
  const [server] = await before.engine.createServers(aServerRequest);
  const { id } = await untilRow(before, ({ waiting_for }) => waiting_for === 'a word');
  await before.engine.stop();
  await before.store.operations.update({ id }, { deadline_at: '2001-01-01T00:00:00.000Z' });

  isBlocked = false;
  const after = await testCloud({ room: before.room, steps, store: before.store });
  await after.engine.start();
  await untilIdle(after);
  assert.equal((await after.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await stopped(after);
});

for (const { title, patch, state } of [
  { title: 'a step', patch: { step: 'of another version' }, state: 'cleaning' },
  { title: 'a rollback step', patch: { step: 'of another version', state: 'rolling_back' }, state: 'cleaning' },
  { title: 'a deploy interface', patch: { request: { deploy_interface: 'of another version' } }, state: 'cleaning' },
] as const) {
  test(`${title} unknown to this version puts the server into ERROR and releases its node`, async () => {
    const steps = [
      aStep('publish', async (task) => {
        await task.boot.serve({ boot: 'local' });
        return { next: true };
      }),
      aStep('hold', forEver),
    ];
    const before = await testCloud({ steps });
    const node = await anAvailableNode(before, 'n1');
    const [server] = await before.engine.createServers(aServerRequest);
    const { id } = await untilRow(before, ({ waiting_for }) => waiting_for === 'for ever');
    await before.engine.stop();
    await before.store.operations.update({ id }, patch);

    const after = await testCloud({ room: before.room, steps, store: before.store });
    await after.engine.start();
    await after.engine.ended(id);
    assert.equal((await after.store.servers.find({ id: server!.id }))?.vm_state, 'error');
    const { instance_uuid, provision_state } = (await after.store.nodes.find({ uuid: node.uuid }))!;
    assert.deepEqual([instance_uuid, provision_state], [null, state]);
    await stopped(after);
  });
}

const asksAgent = aStep('write', async (task) =>
  (await task.agent.ask('write-image', {})) ? { next: true } : { wait: 'the agent' },
);

test('gives the agent no commands after the operation has failed', async () => {
  const asked: Promise<unknown>[] = [];
  let session = '';
  const cloud: Cloud = await testCloud({
    steps: [asksAgent],
    onStep: (when, operation) => {
      if (when === 'before' && operation.state === 'rolling_back')
        asked.push(cloud.engine.agentNext(session, 0, AbortSignal.timeout(10_000)));
    },
  });
  await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await untilRow(cloud, ({ context }) => 'command' in context);
  const signal = AbortSignal.timeout(10_000);
  session = await sayHello(cloud.engine, operation);
  assert.equal((await cloud.engine.agentNext(session, 0, signal))?.name, 'write-image');
  await cloud.engine.deleteServer(server!.id);
  // Not until the engine is idle: cleaning waits for the ramdisk.
  await cloud.engine.ended(operation.id);
  assert.ok(asked.length > 0);
  for (const command of await Promise.all(asked)) assert.equal(command, undefined);
  await stopped(cloud);
});

test('accepts a repeated result that could not be saved the first time', async () => {
  const cloud = await testCloud({ steps: [asksAgent] });
  await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await untilRow(cloud, ({ context }) => 'command' in context);
  const { id } = operation.context['command'] as { id: string };
  const result = { command_id: id, ok: true, result: {} };
  const session = await sayHello(cloud.engine, operation);

  await refuseWrites(cloud.store, 'UPDATE', 'operations');
  await assert.rejects(cloud.engine.agentResult(session, result), /disk is full/);
  await allowWrites(cloud.store, 'operations');
  await cloud.engine.agentResult(session, result);
  await untilIdle(cloud);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await stopped(cloud);
});

test('accepts one of two concurrent deploy POSTs with the same key', async () => {
  const key = 'k'.repeat(32);
  const steps = [aStep('key', async () => ({ next: true, context: { deployment_key: key } })), aStep('hold', forEver)];
  const cloud = await testCloud({ steps });
  const node = await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  await untilRow(cloud, ({ waiting_for }) => waiting_for === 'for ever');
  const fields = { i: String(node.id), k: key, a: '10.0.0.5' };
  const posts = await Promise.allSettled([
    cloud.engine.deployPost({ ...fields, n: 'iqn.x' }, aRequester('10.0.0.5')),
    cloud.engine.deployPost({ ...fields, n: 'iqn.y' }, aRequester('10.0.0.5')),
  ]);
  assert.deepEqual(posts.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await stopped(cloud);
});

test('waiting for an ended operation resolves at once', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  const { id } = await untilRow(cloud, ({ state }) => state === 'done');
  assert.equal((await cloud.engine.ended(id)).state, 'done');
  await stopped(cloud);
});
