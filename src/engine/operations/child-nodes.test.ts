import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import { type Cloud, newSharedState, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const onChildren = (step: string, more: object = {}) => ({ interface: 'power', step, execute_on_child_nodes: true, ...more });
const clearLog = { interface: 'management', step: 'clear_log', execute_on_child_nodes: true };
const resetBmc = { interface: 'management', step: 'reset_bmc', execute_on_child_nodes: true };
const hold = { interface: 'power', step: 'hold' };

/** A parent that runs, with two children, and what their BMCs are told. */
async function aFamily(t: TestContext, changes: Partial<Node> = {}) {
  const did: string[] = [];
  const bmc = { fails: '', isSilent: false };
  const names = new Map<string, string>();
  const note = (what: string, { uuid }: { uuid: string }) => void did.push(`${names.get(uuid)}: ${what}`);
  const management = {
    resetBmc: async (node: { uuid: string }) => note('reset', node),
    async clearLog(node: { uuid: string }) {
      if (names.get(node.uuid) === bmc.fails) throw new Fault('bmcError', { address: '192.0.2.7', command: 'log', detail: 'no' });
      note('clear', node);
    },
    async getBootDevice() {
      if (bmc.isSilent) throw new Fault('bmcUnreachable', { address: '', attempts: 1, seconds: 1, detail: 'silence' });
      return { device: null, persistent: null };
    },
  };
  const room = newSharedState();
  const options = { room, management, cleanTimes: { poll: 1, lastWords: 1, flash: 1 } };
  const cloud = await testCloud(options);
  const clouds = [cloud];
  t.after(async () => {
    for (const { engine } of clouds) await engine.stop();
    await cloud.store.close();
  });
  const make = async (name: string, more: object = {}) => {
    const node = await cloud.engine.createNode({ name, driver: 'room', provision_state: 'manageable', ...more });
    names.set(node.uuid, name);
    room.power.set(node.uuid, 'power on');
    await cloud.store.nodes.update({ uuid: node.uuid }, { power_state: 'power on' });
    return node;
  };
  const parent = await make('parent');
  const [one, two] = [await make('one', { parent_node: parent.uuid }), await make('two', { parent_node: parent.uuid })];
  await cloud.store.nodes.update({ uuid: two.uuid }, { description: null, ...changes });
  room.bmcFault = (uuid, command) => {
    if (command !== 'status') did.push(`${names.get(uuid)}: ${command}`);
    return undefined;
  };
  const again = async () => {
    const next = await testCloud({ ...options, store: cloud.store });
    clouds.push(next);
    return next;
  };
  const clean = (...steps: object[]) => cloud.engine.setProvisionState(parent.uuid, 'clean', { clean_steps: steps });
  const service = async (...steps: object[]) => {
    await cloud.store.nodes.update({ uuid: parent.uuid }, { provision_state: 'active' });
    await cloud.engine.setProvisionState(parent.uuid, 'service', { service_steps: steps });
  };
  const untilParent = (state: Node['provision_state'], { store }: Pick<Cloud, 'store'> = cloud) =>
    untilState({ store }, parent.uuid, state);
  return { ...cloud, cloud, did, bmc, parent, one, two, clean, service, untilParent, again };
}

const nodeOf = async ({ store }: Pick<Cloud, 'store'>, { uuid }: Node) => (await store.nodes.find({ uuid }))!;

test('each step for child nodes is executed on one after the other, and not on the node', async (t) => {
  const { cloud, did, one, clean, untilParent } = await aFamily(t);

  await clean(onChildren('power_off'), clearLog, onChildren('power_on'), onChildren('reboot'));
  await untilParent('manageable');
  await untilIdle(cloud);

  assert.deepEqual(did, [
    ...['one: power off', 'two: power off', 'one: clear', 'two: clear'],
    ...['one: power on', 'two: power on', 'one: reset', 'two: reset'],
  ]);
  const { provision_state, last_error, operation_id } = await nodeOf(cloud, one);
  assert.deepEqual([provision_state, last_error, operation_id], ['manageable', null, null]);
});

test('a limit names the child nodes on which a step is executed', async (t) => {
  const { did, one, two, clean, parent, untilParent } = await aFamily(t, { maintenance: true });

  await clean({ ...clearLog, limit_child_node_execution: [one.uuid.toUpperCase()] });
  await untilParent('manageable');

  assert.deepEqual(did, ['one: clear']);
  const limitedTo = (uuid: string) => clean({ ...clearLog, limit_child_node_execution: [uuid] });
  await assert.rejects(limitedTo(parent.uuid), { code: 'notFound' });
  await assert.rejects(limitedTo('two'), { code: 'notFound' });
  await assert.rejects(limitedTo(two.uuid), /clear_log cannot be executed on child nodes: child node \S+ is in maintenance/);
});

test('a node without child nodes executes nothing', async (t) => {
  const { engine, store, did } = await aFamily(t);
  const { uuid } = await engine.createNode({ driver: 'room', provision_state: 'manageable' });

  await engine.setProvisionState(uuid, 'clean', { clean_steps: [onChildren('power_off')] });
  const { last_error } = await untilState({ store }, uuid, 'manageable');

  assert.deepEqual([did, last_error], [[], null]);
});

const refused: readonly [what: string, step: object, changes: Partial<Node>, expected: RegExp][] = [
  ['a hold', onChildren('hold'), {}, /power.hold cannot be executed on child nodes/],
  ['a wait', onChildren('wait', { args: { seconds: 1 } }), {}, /power.wait cannot be executed on child nodes/],
  [
    'a step that needs a ramdisk',
    { interface: 'deploy', step: 'erase_devices', execute_on_child_nodes: true },
    {},
    /erase_devices cannot be executed on child nodes/,
  ],
  ['an unknown step', onChildren('explode'), {}, /child nodes do not support this clean step: power.explode/],
  ['a wrong argument', { ...clearLog, args: { all: 1 } }, {}, /these unexpected arguments: all/],
  ['cleaning a child with an instance', clearLog, { provision_state: 'active' }, /child node \S+ has an instance \(active\)/],
  ['a child in maintenance', clearLog, { maintenance: true }, /child node \S+ is in maintenance/],
  ['powering off a child that must not be', onChildren('power_off'), { disable_power_off: true }, /disable_power_off/],
  [
    'hardware that lacks it',
    { interface: 'bios', step: 'factory_reset', execute_on_child_nodes: true },
    {},
    /one.*BIOS settings/,
  ],
];
for (const [what, step, changes, expected] of refused) {
  test(`refused before anything starts: ${what}`, async (t) => {
    const { cloud, parent, did, clean } = await aFamily(t, changes);
    await assert.rejects(clean({ ...clearLog, execute_on_child_nodes: false }, step), expected);
    assert.deepEqual([did, (await nodeOf(cloud, parent)).provision_state], [[], 'manageable']);
  });
}

test('a child with an instance is serviced, and keeps its state', async (t) => {
  const { cloud, did, two, service, untilParent } = await aFamily(t, { provision_state: 'active', instance_uuid: 'i' });

  await service(clearLog);
  await untilParent('active');

  assert.deepEqual(did, ['one: clear', 'two: clear']);
  assert.equal((await nodeOf(cloud, two)).provision_state, 'active');
});

test('the failure on a child is that of the node, says where, and ends the rest', async (t) => {
  const { cloud, bmc, did, one, parent, clean, untilParent } = await aFamily(t);
  bmc.fails = 'one';

  await clean(clearLog, onChildren('power_off'));
  const { last_error, maintenance_reason } = await untilParent('clean failed');
  await untilIdle(cloud);

  assert.match(
    last_error ?? '',
    new RegExp(`^Cleaning failed at "Execute management.clear_log on child node ${one.uuid}": The step`),
  );
  assert.match(maintenance_reason ?? '', /management.clear_log failed on child node \S+ log failed on the BMC at 192.0.2.7: no/);
  assert.match((await nodeOf(cloud, one)).last_error ?? '', /^A step of its parent node failed at "Clear the BMC's log"/);
  assert.deepEqual([did, (await nodeOf(cloud, parent)).operation_id], [[], null]);
});

test('a lock of a child forbids the step, and names its owner', async (t) => {
  const { engine, two, did, clean, untilParent } = await aFamily(t);
  const about = { reason: 'opened', expires_at: null, project_id: '', user_id: 'u', user_name: 'tech' };
  await engine.lockNode(two.uuid, { ...about, kind: 'power' });

  await clean(clearLog);

  assert.match((await untilParent('clean failed')).last_error ?? '', /has a lock of tech/);
  assert.deepEqual(did, ['one: clear']);
});

test('what has changed since the request is respected', async (t) => {
  const { cloud, engine, store, two, did, parent, clean, untilParent } = await aFamily(t);
  await clean(hold, clearLog);
  await untilParent('clean hold');
  await store.nodes.update({ uuid: two.uuid }, { provision_state: 'active' });
  await engine.setProvisionState(parent.uuid, 'unhold');
  assert.match((await untilParent('clean failed')).last_error ?? '', /child node \S+ has an instance/);
  assert.deepEqual([did, (await nodeOf(cloud, two)).operation_id], [['one: clear'], null]);
});

test('a restart finds the step on the child again, and does not repeat it', async (t) => {
  const { cloud, engine, store, bmc, did, one, clean, untilParent, again } = await aFamily(t);
  bmc.isSilent = true;
  await clean(resetBmc, clearLog);
  const waiting = await untilParent('clean wait');
  while (!did.includes('one: reset')) await new Promise(setImmediate);
  assert.match(
    (await store.operations.find({ id: String(waiting.operation_id) }))?.waiting_for ?? '',
    /to execute management.reset_bmc/,
  );
  await engine.stop();

  bmc.isSilent = false;
  const after = await again();
  await after.engine.start();
  await untilParent('manageable');
  await untilIdle(after);

  assert.deepEqual(did, ['one: reset', 'two: reset', 'one: clear', 'two: clear']);
  assert.equal((await nodeOf(cloud, one)).operation_id, null);
});

test('an abort takes effect when the step on the child has ended', async (t) => {
  const { cloud, engine, bmc, did, parent, clean, untilParent } = await aFamily(t);
  bmc.isSilent = true;
  await clean(resetBmc, clearLog);
  await untilParent('clean wait');
  while (!did.includes('one: reset')) await new Promise(setImmediate);

  await engine.setProvisionState(parent.uuid, 'abort');
  bmc.isSilent = false;

  assert.match((await untilParent('clean failed')).last_error ?? '', /^By request, the clean operation was aborted.*reset_bmc"$/);
  await untilIdle(cloud);
  assert.deepEqual(did, ['one: reset']);
});
