import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { anAvailableNode, aServerRequest, fill, testCloud } from '#test/a-cloud.ts';
import { aLastingStore } from '#test/a-store.ts';
import { NodeReservations } from './node-reservations.ts';

const purpose = 'a BMC password change';
const busy = { code: 'nodeBusy', message: /a BMC password change/ };

async function aFixture(t: TestContext) {
  const { store, restart } = await aLastingStore(t);
  const cloud = await testCloud({ store });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  return { store, restart, cloud, uuid, reservations: new NodeReservations(store) };
}

test('of several requests at once, one reserves the node', async (t) => {
  const { reservations, uuid, store } = await aFixture(t);
  let running = 0;
  const wanted = { uuid, purpose, takes: 'idle' } as const;
  const work = async () => {
    running += 1;
    await store.transaction(async () => {});
    assert.equal(running, 1);
    running -= 1;
  };

  const results = await Promise.allSettled([1, 2, 3].map(() => reservations.during(wanted, work)));

  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
  assert.deepEqual(await store.node_reservations.list(), []);
});

test('nothing takes, changes or deletes a reserved node, and everything may afterwards', async (t) => {
  const { reservations, uuid, cloud } = await aFixture(t);
  const { engine } = cloud;

  await reservations.during({ uuid, purpose, takes: 'idle' }, async () => {
    await assert.rejects(engine.setPower(uuid, 'power on'), busy);
    await assert.rejects(engine.updateNode(uuid, { extra: { a: 1 } }), busy);
    await assert.rejects(engine.setProvisionState(uuid, 'manage'), busy);
    await assert.rejects(engine.deleteNode(uuid), busy);
    const [server] = await engine.createServers(aServerRequest);
    assert.match(server?.fault?.message ?? '', /1 reserved by a request/);
  });

  await engine.updateNode(uuid, { extra: { a: 1 } });
});

test('after a crash a node stays reserved until its repair, and is free after it', async (t) => {
  const { restart, reservations, uuid } = await aFixture(t);
  const crash = Promise.withResolvers<never>();
  const interrupted = reservations.during({ uuid, purpose, takes: 'idle' }, () => crash.promise);
  // The process ends here: the row is written, and nothing removes it.
  await reservations.during({ uuid, purpose, takes: 'idle' }, async () => {}).catch(() => {});
  const store = await restart();
  const later = new NodeReservations(store);
  const { engine } = await testCloud({ store });

  await assert.rejects(engine.setPower(uuid, 'power on'), busy);
  await assert.rejects(
    later.during({ uuid, purpose, takes: 'idle' }, async () => {}),
    busy,
  );
  await later.releaseFormer(new Set([uuid]));
  await assert.rejects(engine.updateNode(uuid, { extra: { a: 1 } }), busy);
  await later.during({ uuid, purpose, takes: 'repair' }, async () => {
    await assert.rejects(engine.updateNode(uuid, { extra: { a: 1 } }), busy);
  });

  await engine.updateNode(uuid, { extra: { a: 1 } });
  crash.reject(new Error('the process has ended'));
  await assert.rejects(interrupted);
});

test('a start releases what a former process left where nothing is to be repaired, and nothing of its own', async (t) => {
  const { store, reservations, uuid } = await aFixture(t);
  await fill(store);
  const own = Promise.withResolvers<void>();
  const held = reservations.during({ uuid, purpose, takes: 'idle' }, () => own.promise);
  await store.transaction(async () => {});

  await reservations.releaseFormer(new Set());
  assert.equal((await store.node_reservations.list()).length, 1);
  await new NodeReservations(store).releaseFormer(new Set());
  assert.deepEqual(await store.node_reservations.list(), []);

  own.resolve();
  await held;
});

test('a reservation whose end could not be written is void after its deadline', async (t) => {
  const { store, reservations, uuid, cloud } = await aFixture(t);
  await store.node_reservations.insert({ node_uuid: uuid, owner: 'process', purpose, deadline_at: '2026-01-01T00:00:00.000Z' });

  await cloud.engine.updateNode(uuid, { extra: { a: 1 } });
  await reservations.during({ uuid, purpose, takes: 'idle' }, async () => {
    await assert.rejects(cloud.engine.deleteNode(uuid), busy);
  });
  await cloud.engine.deleteNode(uuid);
});

test('a reservation whose end could not be written ends as soon as the database writes again', async (t) => {
  const { store, reservations, uuid } = await aFixture(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { node_reservations } = store;
  const full = t.mock.method(node_reservations, 'remove', async () => {
    throw new Error('database or disk is full');
  });

  await reservations.during({ uuid, purpose, takes: 'idle' }, async () => {});
  assert.equal((await node_reservations.list()).length, 1);
  t.mock.timers.tick(5000);
  await nextTurn();
  assert.equal(full.mock.callCount(), 2);
  full.mock.restore();
  t.mock.timers.tick(5000);
  await nextTurn();

  assert.deepEqual(await node_reservations.list(), []);
});
