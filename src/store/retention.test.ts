import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';
import { databaseOf } from '#test/a-store.ts';
import { RecordKeeper } from './record-keeper.ts';
import { type Pruned, pruneRecords } from './retention.ts';
import type { Event } from './tables/events.ts';
import type { Operation } from './tables/operations.ts';

const now = new Date('2026-06-30T00:00:00.000Z');
const old = '2026-01-01T00:00:00.000Z';
const rest = async () => {};
const keepOne = { days: 30, perNode: 1 };

test('removes old completed operations with their events, and old events without an operation', async () => {
  const { store, nodes } = await aSite();
  const operations = await Promise.all([1, 2, 3].map((minute) => addOperation(store, { minute, node_uuid: nodes[0]! })));
  for (const { id } of operations) await addEvent(store, { operation_id: id, node_uuid: nodes[0]!, kind: 'step' });
  await addEvent(store, { node_uuid: nodes[0]!, kind: 'power', subject: 'old' });
  await addEvent(store, { node_uuid: nodes[0]!, kind: 'power', subject: 'new', at: now.toISOString() });

  const pruned = await pruneRecords(store, keepOne, { rest, now });

  assert.deepEqual([pruned.operations, pruned.events], [2, 3]);
  assert.deepEqual(await ids(store), [operations[2]!.id]);
  const left = await store.events.list({});
  assert.deepEqual(
    left.map(({ operation_id, subject }) => operation_id ?? subject),
    [operations[2]!.id, 'new'],
  );
  assert.deepEqual(
    await pruneRecords(store, keepOne, { rest, now }).then(({ operations, events }) => [operations, events]),
    [0, 0],
  );
  await store.close();
});

test('keeps the newest of each node, and nothing of deleted nodes', async () => {
  const { store, nodes } = await aSite(2);
  for (const node_uuid of [...nodes, 'gone']) {
    for (const minute of [1, 2, 3, 4]) await addOperation(store, { minute, node_uuid });
    for (const subject of ['a', 'b', 'c', 'd']) await addEvent(store, { node_uuid, subject });
  }

  await pruneRecords(store, { days: 30, perNode: 3 }, { rest, now });

  const operations = await store.operations.list({});
  const events = await store.events.list({});
  for (const uuid of nodes) {
    assert.equal(operations.filter(({ node_uuid }) => node_uuid === uuid).length, 3);
    assert.equal(
      events
        .filter(({ node_uuid }) => node_uuid === uuid)
        .map(({ subject }) => subject)
        .join(''),
      'bcd',
    );
  }
  assert.equal([...operations, ...events].filter(({ node_uuid }) => node_uuid === 'gone').length, 0);
  await store.close();
});

test('keeps the failures of a node as its history after its operations are removed', async () => {
  const { store, nodes } = await aSite();
  const node_uuid = nodes[0]!;
  for (const minute of [1, 2, 3]) {
    const { id } = await addOperation(store, { minute, node_uuid, state: 'failed' });
    await addEvent(store, { node_uuid, operation_id: id, kind: 'operation', data: { status: 'started' } });
    await addEvent(store, { node_uuid, operation_id: id, kind: 'operation', data: { status: 'failed', fault: { code: 'x' } } });
  }
  const before = await store.events.failures({ node_uuid, limit: 10 });

  await pruneRecords(store, keepOne, { rest, now });

  assert.equal(before.length, 3);
  assert.deepEqual(await store.events.failures({ node_uuid, limit: 10 }), before);
  assert.deepEqual(await store.events.failures({ node_uuid, after: before[0]!.id, limit: 1 }), [before[1]]);
  assert.equal((await store.events.list({})).length, 4);
  await store.close();
});

test('keeps running operations and those on existing servers, until the server is removed', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  const { store } = cloud;
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  await store.events.flush();
  await makeOld(cloud);
  const running = await addOperation(store, { minute: 9, node_uuid: node.uuid, state: 'running', ended_at: null });
  await addEvent(store, { node_uuid: node.uuid, operation_id: running.id });
  const deployed = await store.events.list({ server_id: server!.id });

  await pruneRecords(store, keepOne, { rest, now });

  assert.ok(deployed.length > 3);
  assert.deepEqual(await store.events.list({ server_id: server!.id }), deployed);
  assert.equal((await store.operations.list({ server_id: server!.id })).length, 1);
  assert.equal((await eventsOf(store, running)).length, 1);
  await store.operations.remove({ id: running.id });
  await cloud.engine.deleteServer(server!.id);
  while ((await store.servers.find({ id: server!.id }))?.vm_state !== 'deleted') await new Promise(setImmediate);
  // The machine is being cleaned.
  await cloud.engine.stop();
  await makeOld(cloud);

  await pruneRecords(store, keepOne, { rest, now });

  assert.deepEqual(await store.operations.list({ server_id: server!.id }), []);
  assert.deepEqual(await store.events.list({ server_id: server!.id }), []);
  const [cleaning] = await store.operations.list({});
  assert.deepEqual([cleaning?.kind, cleaning?.state], ['clean', 'running']);
  assert.ok((await eventsOf(store, cleaning!)).length > 0);
  await store.close();
});

test('a pass continues past kept rows, pauses between batches, and stops on request', async () => {
  const { store, nodes } = await aSite();
  const { id } = await addOperation(store, { minute: 1, node_uuid: nodes[0]! });
  for (let index = 0; index < 700; index++) store.events.append({ ...note, operation_id: id, node_uuid: nodes[0]! });
  for (let index = 0; index < 700; index++) store.events.append({ ...note, node_uuid: 'gone' });
  await store.events.flush();
  await databaseOf(store).updateTable('events').set({ at: old }).execute();
  const stop = new AbortController();
  const stopAtOnce = async () => stop.abort();
  const partly = await pruneRecords(store, keepOne, { signal: stop.signal, rest: stopAtOnce, now });
  let rests = 0;

  const pruned = await pruneRecords(store, keepOne, { rest: async () => void rests++, now });

  assert.equal(partly.events, 0);
  assert.equal(pruned.events, 700);
  assert.ok(rests > 2);
  assert.equal((await store.events.list({ limit: 2000 })).length, 700);
  await store.close();
});

test('prunes periodically, logs it, and can be stopped at any point', async () => {
  const { store } = await aSite();
  for (let index = 0; index < 10; index++) await addEvent(store, { node_uuid: 'gone' });
  const reported = new EventTarget();
  const results: (Pruned | Error)[] = [];
  const keeper = new RecordKeeper(store, { days: 1, perNode: 1 }, (result) => {
    results.push(result);
    reported.dispatchEvent(new globalThis.Event('told'));
  });

  const heard = once(reported, 'told');
  // The keeper's own timer does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  keeper.start(1);
  await heard;
  clearInterval(alive);
  await keeper.stop();

  assert.deepEqual((await store.events.list({})).length, 0);
  assert.equal((results[0] as Pruned).events, 10);
  const forEver = new RecordKeeper(store, { days: 0, perNode: 1 }, () => assert.fail('nothing is ever old'));
  forEver.start(0);
  await forEver.stop();
  await store.close();
});

type Store = Cloud['store'];
const note = { kind: 'note', subject: 's', message: 'm' } as const;

async function aSite(count = 1): Promise<{ store: Store; nodes: string[] }> {
  const cloud = await testCloud();
  const nodes: string[] = [];
  for (let index = 0; index < count; index++) nodes.push((await anAvailableNode(cloud, `n${index}`)).uuid);
  return { store: cloud.store, nodes };
}

let count = 0;

async function addOperation(store: Store, { minute, ...fields }: Partial<Operation> & { minute: number }): Promise<Operation> {
  const at = old.replace('00:00', `00:0${minute}`);
  return store.operations.insert({
    ...{ id: `operation-${String(++count).padStart(4, '0')}`, kind: 'power', purpose: 'p', node_uuid: 'n', server_id: null },
    ...{
      request: {},
      context: {},
      state: 'done',
      step: 's',
      step_started_at: at,
      waiting_for: null,
      again_at: null,
      deadline_at: null,
    },
    ...{ fault: null, created_at: at, updated_at: at, ended_at: at },
    ...fields,
  });
}

async function addEvent(store: Store, fields: Partial<Event>): Promise<void> {
  const blank = { at: old, node_uuid: null, server_id: null, operation_id: null, duration_ms: null, data: {} };
  await store.events.rows.insert({ ...note, ...blank, ...fields });
}

async function ids(store: Store): Promise<string[]> {
  return (await store.operations.list({})).map(({ id }) => id);
}

/** Backdates everything recorded so far. */
async function makeOld({ store }: Cloud): Promise<void> {
  await store.events.flush();
  await databaseOf(store).updateTable('events').set({ at: old }).execute();
  await databaseOf(store).updateTable('operations').set({ ended_at: old }).where('ended_at', 'is not', null).execute();
}

async function eventsOf({ events }: Store, { id }: Pick<Operation, 'id'>): Promise<Event[]> {
  return (await events.list({})).filter(({ operation_id }) => operation_id === id);
}
