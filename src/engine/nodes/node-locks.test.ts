import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { type LockKind, lockKinds } from '#domain/lock-kinds.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';

const go = async () => ({ next: true }) as const;
const owner = { project_id: 'p', user_id: 'u', user_name: 'ann' };
const aLock = (kind: LockKind, more: object = {}) => ({ ...owner, kind, reason: 'hands inside', expires_at: null, ...more });

async function aServer(cloud: Cloud) {
  const node = await anAvailableNode(cloud, 'n1');
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  return { uuid: node.uuid, id: server!.id };
}

async function end({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

type Ids = { uuid: string; id: string; vif: string };
type Row = { act: (engine: Cloud['engine'], ids: Ids) => Promise<unknown>; forbiddenBy: readonly LockKind[] };

/** On a node with a server. */
const rows: Readonly<Record<string, Row>> = {
  'power off': { act: (engine, { uuid }) => engine.setPower(uuid, 'power off'), forbiddenBy: ['power', 'all'] },
  'stop of the server': { act: (engine, { id }) => engine.stopServer(id), forbiddenBy: ['power', 'all'] },
  'reboot of the server': { act: (engine, { id }) => engine.rebootServer(id, 'HARD'), forbiddenBy: ['power', 'all'] },
  'non-maskable interrupt': { act: (engine, { uuid }) => engine.injectNmi(uuid), forbiddenBy: ['power', 'all'] },
  'vendor method': {
    act: (engine, { uuid }) => engine.callVendor(uuid, { method: 'reset_bmc', http: 'POST', parameters: {} }),
    forbiddenBy: ['power', 'all'],
  },
  'password change': {
    act: (engine, { uuid }) => engine.callVendor(uuid, { method: 'rotate_password', http: 'POST', parameters: {} }),
    forbiddenBy: ['power', 'all'],
  },
  rebuild: { act: (engine, { id }) => engine.rebuildServer(id, { image: aServerRequest.image }), forbiddenBy: lockKinds },
  'deletion of the server': { act: (engine, { id }) => engine.deleteServer(id), forbiddenBy: lockKinds },
  'verb deleted': { act: (engine, { uuid }) => engine.setProvisionState(uuid, 'deleted'), forbiddenBy: lockKinds },
  'deletion of the node': { act: (engine, { uuid }) => engine.deleteNode(uuid), forbiddenBy: lockKinds },
  'indicator on': { act: (engine, { uuid }) => engine.setIndicator(uuid, 'on'), forbiddenBy: ['all'] },
  'boot device': { act: (engine, { uuid }) => engine.setBootDevice(uuid, 'pxe', { persistent: false }), forbiddenBy: ['all'] },
  'boot mode': { act: (engine, { uuid }) => engine.setBootMode(uuid, 'uefi'), forbiddenBy: ['all'] },
  'secure boot': { act: (engine, { uuid }) => engine.setSecureBoot(uuid, true), forbiddenBy: ['all'] },
  'virtual media': { act: (engine, { uuid }) => engine.ejectMedia(uuid, ['cdrom']), forbiddenBy: ['all'] },
  change: { act: (engine, { uuid }) => engine.updateNode(uuid, { extra: { a: 1 } }), forbiddenBy: ['all'] },
  'maintenance by a change': { act: (engine, { uuid }) => engine.updateNode(uuid, { maintenance: true }), forbiddenBy: ['all'] },
  maintenance: { act: (engine, { uuid }) => engine.setMaintenance(uuid, true), forbiddenBy: ['all'] },
  console: { act: (engine, { uuid }) => engine.setConsole(uuid, false), forbiddenBy: ['all'] },
  'new port': {
    act: (engine, { uuid }) => engine.createNodePort({ node_uuid: uuid, address: '52:54:00:aa:00:01' }),
    forbiddenBy: ['all'],
  },
  'new port group': { act: (engine, { uuid }) => engine.createPortGroup({ node_uuid: uuid }), forbiddenBy: ['all'] },
  'attachment of a VIF': { act: (engine, { uuid, vif }) => engine.attachVif(uuid, { id: vif }), forbiddenBy: ['all'] },
};

test('each kind of lock refuses what it forbids, and nothing else, with the lock, its owner and its reason', async () => {
  const done = async () => {};
  const management = { injectNmi: done, setIndicator: done, setBootMode: done, setSecureBoot: done, resetBmc: done };
  const cloud = await testCloud({ steps: [aStep('work', go)], management: { ...management, changePassword: done } });
  const ids = { ...(await aServer(cloud)), vif: 'v' };
  for (const kind of lockKinds) {
    const lock = await cloud.engine.lockNode(ids.uuid, aLock(kind));
    for (const [name, { act, forbiddenBy }] of Object.entries(rows).filter((row) => row[1].forbiddenBy.includes(kind)))
      await assert.rejects(
        act(cloud.engine, ids),
        {
          code: 'nodeLocked',
          status: 409,
          message: `Node n1 has a lock of ann (user u, project p): "hands inside" (${kind}, ${lock.id}).`,
        },
        `${name} ${kind} ${forbiddenBy}`,
      );
    await cloud.engine.unlockNode(lock, 'ann');
  }
  const [server] = await cloud.store.servers.list();
  assert.deepEqual([server?.vm_state, server?.task_state], ['active', null]);
  await end(cloud);
});

test('what a lock does not forbid goes on', async () => {
  const done = async () => {};
  const cloud = await testCloud({ steps: [aStep('work', go)], management: { setIndicator: done } });
  const ids = { ...(await aServer(cloud)), vif: 'v' };
  for (const kind of ['power', 'deploy'] as const) {
    const lock = await cloud.engine.lockNode(ids.uuid, aLock(kind));
    const allowed = ['indicator on', 'boot device', 'change', 'maintenance', ...(kind === 'deploy' ? ['power off'] : [])];
    for (const name of allowed) await rows[name]!.act(cloud.engine, ids);
    await untilIdle(cloud);
    await cloud.engine.setMaintenance(ids.uuid, false);
    await cloud.engine.unlockNode(lock, 'ann');
  }
  await end(cloud);
});

test('the scheduler takes no locked node, and an expired lock has no effect', async () => {
  const cloud = await testCloud({ steps: [aStep('work', go)] });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  for (const kind of lockKinds) {
    const lock = await cloud.engine.lockNode(uuid, aLock(kind));
    const [server] = await cloud.engine.createServers(aServerRequest);
    assert.equal(server?.fault?.message, 'No valid host was found. Of 1 node: 1 locked by an operator.');
    await cloud.store.node_locks.update({ id: lock.id }, { expires_at: new Date(Date.now() - 1).toISOString() });
  }
  assert.equal((await cloud.store.node_locks.list()).length, 1);
  const [server] = await cloud.engine.createServers(aServerRequest);
  await untilIdle(cloud);
  assert.equal((await cloud.store.servers.find({ id: server!.id }))?.vm_state, 'active');
  await cloud.store.node_locks.sweep();
  assert.deepEqual(await cloud.store.node_locks.list(), []);
  await end(cloud);
});

test('a lock against power changes is refused while an operation runs, unless forced: then that goes to its end', async () => {
  const [began, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hold = aStep('hold', async () => {
    began.resolve();
    await mayEnd.promise;
    throw new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });
  });
  const cloud = await testCloud({ steps: [{ ...hold, keepsDisk: true }] });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await cloud.engine.createServers(aServerRequest);
  await began.promise;
  for (const kind of ['power', 'all'] as const)
    await assert.rejects(cloud.engine.lockNode(uuid, aLock(kind)), { code: 'nodeBusy', message: /deploy server web/ });
  await cloud.engine.lockNode(uuid, aLock('deploy'));
  await cloud.engine.lockNode(uuid, aLock('power', { force: true }));
  mayEnd.resolve();
  await untilIdle(cloud);
  // Its rollback has switched the machine off and released the node.
  const node = await cloud.store.nodes.find({ uuid });
  assert.deepEqual([node?.provision_state, node?.operation_id], ['available', null]);
  await end(cloud);
});

test('an unexpected power state is recorded and not corrected while a lock forbids power changes', async () => {
  const cloud = await testCloud({ settings: { 'power.sync_interval': '1', 'power.sync_policy': 'correct' } });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await cloud.store.nodes.update({ uuid }, { power_state: 'power on' });
  cloud.room.power.set(uuid, 'power off');
  await cloud.engine.lockNode(uuid, aLock('power'));
  await cloud.engine.start();
  const found = async () => (await cloud.store.events.list({ node_uuid: uuid })).find(({ kind }) => kind === 'power');
  while (!(await found())) await new Promise(setImmediate);
  assert.equal(cloud.room.power.get(uuid), 'power off');
  assert.equal((await cloud.store.nodes.find({ uuid }))?.power_state, 'power off');
  assert.match((await found())?.message ?? '', /^was found power off, and is left so: a lock forbids/);
  assert.deepEqual(await cloud.store.operations.list(), []);
  await end(cloud);
});

test('a node has a limited number of locks, and takes them and their events with it', async () => {
  const cloud = await testCloud();
  const { uuid } = await anAvailableNode(cloud, 'n1');
  for (let count = 0; count < 100; count++) await cloud.engine.lockNode(uuid, aLock('deploy'));
  await assert.rejects(cloud.engine.lockNode(uuid, aLock('deploy')), { code: 'conflict', message: /has 100 locks/ });
  for (const lock of await cloud.store.node_locks.list()) await cloud.engine.unlockNode(lock, 'bob');
  await cloud.engine.deleteNode(uuid);
  const events = (await cloud.store.events.list({ node_uuid: uuid })).filter(({ subject }) => subject === 'lock');
  assert.equal(events.length, 200);
  assert.equal(events.at(-1)?.message, 'unlocked by bob: hands inside');
  await end(cloud);
});
