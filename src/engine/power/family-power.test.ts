import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#store/tables/nodes.ts';
import { type Cloud, newSharedState, testCloud, untilIdle } from '#test/a-cloud.ts';

/** A parent with two children, and the commands that their machines get. */
async function aFamily(
  changes: Partial<Node> = {},
  power: 'power on' | 'power off' = 'power on',
  settings: Record<string, string> = {},
) {
  const room = newSharedState();
  const sent: string[] = [];
  const cloud = await testCloud({ room, settings });
  const make = (name: string, more: object = {}) =>
    cloud.engine.createNode({ name, driver: 'room', provision_state: 'available', ...more });
  const parent = await make('parent');
  const [one, two] = [await make('one', { parent_node: parent.uuid }), await make('two', { parent_node: parent.uuid })];
  const names = new Map([parent, one, two].map(({ uuid, name }) => [uuid, name]));
  for (const uuid of names.keys()) {
    room.power.set(uuid, power);
    await cloud.store.nodes.update({ uuid }, { power_state: power });
  }
  await cloud.store.nodes.update({ uuid: one.uuid }, { power_state: power, ...changes });
  room.bmcFault = (uuid, command) => {
    if (command !== 'status') sent.push(`${names.get(uuid)}: ${command}`);
    return undefined;
  };
  return { cloud, parent, one, two, sent };
}

async function set(cloud: Cloud, { uuid }: Node, target: 'power on' | 'power off' | 'reset'): Promise<Node> {
  await cloud.engine.setPower(uuid, target);
  await untilIdle(cloud);
  return (await cloud.store.nodes.find({ uuid })) as Node;
}

async function close({ engine, store }: Cloud): Promise<void> {
  await engine.stop();
  await store.close();
}

test('the children of a parent are powered off before it', async () => {
  const { cloud, parent, one, sent } = await aFamily();

  await set(cloud, parent, 'power off');

  assert.deepEqual(sent, ['one: power off', 'two: power off', 'parent: power off']);
  assert.equal((await cloud.store.nodes.find({ uuid: one.uuid }))?.power_state, 'power off');
  await close(cloud);
});

test('a parent is powered on before its child, and powers on no other child', async () => {
  const { cloud, one, parent, sent } = await aFamily({}, 'power off');

  await set(cloud, one, 'power on');

  assert.deepEqual(sent, ['parent: power on', 'one: power on']);
  assert.equal((await cloud.store.nodes.find({ uuid: parent.uuid }))?.power_state, 'power on');
  await close(cloud);
});

test('a child with a power supply of its own is left alone, and leaves its parent alone', async () => {
  const off = await aFamily({ driver_info: { has_dedicated_power_supply: 'True' } });
  await set(off.cloud, off.parent, 'power off');
  assert.deepEqual(off.sent, ['two: power off', 'parent: power off']);
  await close(off.cloud);

  const on = await aFamily({ driver_info: { has_dedicated_power_supply: true } }, 'power off');
  await set(on.cloud, on.one, 'power on');
  assert.deepEqual(on.sent, ['one: power on']);
  await close(on.cloud);
});

test('a parent is restarted without its children', async () => {
  const { cloud, parent, sent } = await aFamily();

  await set(cloud, parent, 'reset');

  assert.deepEqual(sent, ['parent: power off', 'parent: power on']);
  await close(cloud);
});

test('a locked child keeps its parent on, and none of the others is powered off', async () => {
  const { cloud, parent, two, sent } = await aFamily();
  const deadline_at = new Date(Date.now() + 60_000).toISOString();
  await cloud.store.node_reservations.insert({ node_uuid: two.uuid, owner: 'other', purpose: 'a test', deadline_at });

  const { last_error, power_state } = await set(cloud, parent, 'power off');

  assert.deepEqual([sent, power_state], [[], 'power on']);
  assert.match(last_error ?? '', new RegExp(`Node ${parent.uuid} child_node ${two.uuid} is presently locked`));
  await close(cloud);
});

test('a locked parent that is off keeps its child off', async () => {
  const { cloud, parent, one, sent } = await aFamily({}, 'power off');
  const deadline_at = new Date(Date.now() + 60_000).toISOString();
  await cloud.store.node_reservations.insert({ node_uuid: parent.uuid, owner: 'other', purpose: 'a test', deadline_at });

  const { last_error } = await set(cloud, one, 'power on');

  assert.deepEqual(sent, []);
  assert.match(last_error ?? '', new RegExp(`Node ${one.uuid} parent_node ${parent.uuid} is presently locked`));
  await close(cloud);
});

test('a lock against power changes holds also when the power of a relative is changed', async () => {
  const lock = { kind: 'power', reason: 'opened', expires_at: null, project_id: '', user_id: 'u', user_name: 'tech' } as const;
  const off = await aFamily();
  await off.cloud.engine.lockNode(off.two.uuid, lock);
  const { last_error } = await set(off.cloud, off.parent, 'power off');
  assert.deepEqual(off.sent, []);
  assert.match(last_error ?? '', /has a lock of tech/);
  await close(off.cloud);

  const on = await aFamily({}, 'power off');
  await on.cloud.engine.lockNode(on.parent.uuid, lock);
  await set(on.cloud, on.one, 'power on');
  assert.deepEqual(on.sent, []);
  await close(on.cloud);
});

for (const target of ['power off', 'soft power off'] as const) {
  test(`a child with an instance keeps its parent on, which says so at once: ${target}`, async () => {
    const { cloud, parent, sent } = await aFamily({ provision_state: 'active' });

    const refusal = cloud.engine.setPower(parent.uuid, target);

    await assert.rejects(refusal, {
      code: 'activeChildren',
      message: /parent cannot be powered off.* would lose their power: one\.$/,
    });
    assert.deepEqual([sent, (await cloud.store.nodes.find({ uuid: parent.uuid }))?.operation_id], [[], null]);
    await close(cloud);
  });
}

const harmless: readonly [why: string, changes: Partial<Node>, settings?: Record<string, string>][] = [
  ['is in maintenance', { provision_state: 'active', maintenance: true }],
  ['may be switched by the setting', { provision_state: 'active' }, { 'power.off_with_active_children': 'true' }],
];
for (const [why, changes, settings] of harmless) {
  test(`a child with an instance is powered off with its parent if it ${why}`, async () => {
    const { cloud, parent, sent } = await aFamily(changes, 'power on', settings);

    await set(cloud, parent, 'power off');

    assert.deepEqual(sent, ['one: power off', 'two: power off', 'parent: power off']);
    await close(cloud);
  });
}

test('a child with an instance that was powered off does not keep its parent on', async () => {
  const { cloud, parent, one, sent } = await aFamily({ provision_state: 'active' });
  await set(cloud, one, 'power off');

  await set(cloud, parent, 'power off');

  assert.deepEqual(sent, ['one: power off', 'two: power off', 'parent: power off']);
  await close(cloud);
});

test('the deletion of an instance does not power off the machine under a child with an instance, and says so', async () => {
  const { cloud, parent, sent } = await aFamily({ provision_state: 'active' });
  await cloud.store.nodes.update({ uuid: parent.uuid }, { provision_state: 'active' });

  await cloud.engine.setProvisionState(parent.uuid, 'deleted');
  await untilIdle(cloud);

  const { provision_state, last_error } = (await cloud.store.nodes.find({ uuid: parent.uuid }))!;
  assert.deepEqual([provision_state, sent], ['error', []]);
  assert.match(last_error ?? '', /parent cannot be powered off/);
  await close(cloud);
});

test('nothing is sent to the children of a parent that is off', async () => {
  const { cloud, parent, sent } = await aFamily({ provision_state: 'active' });
  await set(cloud, parent, 'power on');
  await cloud.store.nodes.update({ uuid: parent.uuid }, { power_state: 'power off' });
  cloud.room.power.set(parent.uuid, 'power off');

  const { last_error } = await set(cloud, parent, 'power off');

  assert.deepEqual([sent, last_error], [[], null]);
  await close(cloud);
});

test('a child that must not be powered off keeps its parent on', async () => {
  const { cloud, parent, sent } = await aFamily({ disable_power_off: true });

  const { last_error } = await set(cloud, parent, 'power off');

  assert.deepEqual(sent, []);
  assert.match(last_error ?? '', /Failed to set node power state to power off/);
  await close(cloud);
});
