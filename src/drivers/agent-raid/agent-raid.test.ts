import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Command } from '#agent-protocol/messages.ts';
import type { LogicalDisk } from '#domain/raid.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, testCloud, untilState } from '#test/a-cloud.ts';
import { sayHello } from '#test/an-agent.ts';
import { softwareVolumes } from '../software-volumes.ts';
import { createAgentRaid } from './index.ts';

const mirror: LogicalDisk = {
  raid_level: '1',
  size_gb: 'MAX',
  controller: 'software',
  volume_name: 'root',
  is_root_volume: true,
};
const erase = { interface: 'deploy', step: 'erase_devices' };
const create = { interface: 'raid', step: 'create_configuration' };
const remove = { interface: 'raid', step: 'delete_configuration' };
const erased = { disks: [{ device: '/dev/vda', size_bytes: 1, method: 'discard', seconds: 1 }] };
const made = { volumes: [{ name: 'root', uuid: 'u:1', size_bytes: 7, members: ['/dev/vda2', '/dev/vdb2'] }], deleted: [] };
const deleted = { volumes: [], deleted: ['root'] };

async function aFixture(t: TestContext, changes: Partial<Node> = {}) {
  const cloud = await testCloud({ raid: createAgentRaid() });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const booted: string[] = [];
  cloud.room.bmcFault = (_, command) => {
    if (command === 'power on') booted.push(command);
    return undefined;
  };
  await cloud.store.nodes.update({ uuid }, { provision_state: 'manageable', must_clean: true, ...changes });
  const node = async () => (await cloud.store.nodes.find({ uuid })) as Node;
  return {
    ...cloud,
    cloud,
    uuid,
    booted,
    node,
    go: (verb: string, more = {}) => cloud.engine.setProvisionState(uuid, verb, more),
  };
}

/** Acts as the ramdisk: replies to one command after the other. @returns the commands */
async function agentDoes({ engine, store, cloud, uuid, node }: Awaited<ReturnType<typeof aFixture>>, results: object[]) {
  await untilState(cloud, uuid, 'clean wait');
  const operation = (await store.operations.find({ id: (await node()).operation_id ?? '' })) as Operation;
  const token = await sayHello(engine, operation);
  const commands: Command[] = [];
  for (const result of results) {
    const command = (await engine.agentNext(token, 5000, AbortSignal.timeout(5000))) as Command;
    commands.push(command);
    await engine.agentResult(token, { command_id: command.id, ok: true, result: result as Record<string, unknown> });
  }
  return commands.map(({ name, params }) => [name, params]);
}

test('erasing and two RAID steps share one boot of the ramdisk', async (t) => {
  const fixture = await aFixture(t, { target_raid_config: { logical_disks: [mirror] } });
  await fixture.go('clean', { clean_steps: [remove, erase, create] });
  const commands = await agentDoes(fixture, [deleted, erased, made]);
  const { raid_config, properties } = await untilState(fixture.cloud, fixture.uuid, 'manageable');

  assert.deepEqual(commands, [
    ['apply-raid', { deletes: true, creates: [] }],
    ['clean', {}],
    ['apply-raid', { deletes: false, creates: [mirror] }],
  ]);
  assert.deepEqual(fixture.booted, ['power on']);
  assert.deepEqual(raid_config.logical_disks, [{ ...mirror, uuid: 'u:1' }]);
  assert.deepEqual(softwareVolumes({ raid_config }), [{ name: 'root', is_root: true }]);
  assert.match(String(properties['capabilities']), /raid_level:1/);
});

test('an automatic cleaning erases the members, and makes the RAID again as it was', async (t) => {
  const raid_config = { logical_disks: [{ ...mirror, uuid: 'u:0' }], last_updated: 'then' };
  const fixture = await aFixture(t, { raid_config });
  await fixture.go('provide');
  const commands = await agentDoes(fixture, [erased, made]);
  const node = await untilState(fixture.cloud, fixture.uuid, 'available');

  assert.deepEqual(commands, [
    ['clean', {}],
    ['apply-raid', { deletes: true, creates: [mirror] }],
  ]);
  assert.deepEqual(node.raid_config.logical_disks, [{ ...mirror, uuid: 'u:1' }]);
});

test('a RAID that an automatic cleaning could not make again is made by the next one', async (t) => {
  const fixture = await aFixture(t, { raid_config: { logical_disks: [{ ...mirror, uuid: 'u:0' }], last_updated: 'then' } });
  const { engine, store, cloud, uuid } = fixture;
  await fixture.go('provide');
  await untilState(cloud, uuid, 'clean wait');
  const operation = (await store.operations.find({ id: (await fixture.node()).operation_id ?? '' })) as Operation;
  const token = await sayHello(engine, operation);
  const next = async () => (await engine.agentNext(token, 5000, AbortSignal.timeout(5000))) as Command;
  await engine.agentResult(token, { command_id: (await next()).id, ok: true, result: erased });
  await engine.agentResult(token, { command_id: (await next()).id, ok: false, error: 'mdadm failed' });
  await untilState(cloud, uuid, 'clean failed');
  await store.nodes.update({ uuid }, { maintenance: false, fault: null });

  await fixture.go('manage');
  await fixture.go('provide');
  const commands = await agentDoes(fixture, [erased, made]);
  const node = await untilState(cloud, uuid, 'available');

  assert.deepEqual(commands[1], ['apply-raid', { deletes: true, creates: [mirror] }]);
  assert.deepEqual(node.raid_config.logical_disks, [{ ...mirror, uuid: 'u:1' }]);
});

test('an erasure alone leaves no RAID', async (t) => {
  const fixture = await aFixture(t, { raid_config: { logical_disks: [{ ...mirror, uuid: 'u:0' }], last_updated: 'then' } });
  await fixture.go('clean', { clean_steps: [erase] });
  await agentDoes(fixture, [erased]);
  assert.deepEqual((await untilState(fixture.cloud, fixture.uuid, 'manageable')).raid_config, {});
});

const before = { logical_disks: [{ ...mirror, uuid: 'u:0' }], last_updated: 'then' };
const failures = [
  ['a creation', { steps: [create], recorded: {}, error: 'the disks are not empty: /dev/vdb (ext4)' }],
  ['a creation in part', { steps: [create], recorded: {}, error: 'busy. RAID on the disks now: root on /dev/vda2, /dev/vdb2' }],
  ['a deletion in part', { steps: [remove], recorded: before, error: 'busy. RAID on the disks now: none' }],
] as const;

for (const [what, { steps, recorded, error }] of failures)
  test(`${what} that fails leaves the node's configuration as it was, and says what the agent found`, async (t) => {
    const fixture = await aFixture(t, { target_raid_config: { logical_disks: [mirror] }, raid_config: recorded });
    await fixture.go('clean', { clean_steps: steps });
    const { engine, store, cloud, uuid } = fixture;
    await untilState(cloud, uuid, 'clean wait');
    const token = await sayHello(
      engine,
      (await store.operations.find({ id: (await fixture.node()).operation_id ?? '' })) as Operation,
    );
    const command = (await engine.agentNext(token, 5000, AbortSignal.timeout(5000))) as Command;
    await engine.agentResult(token, { command_id: command.id, ok: false, error });
    const { last_error, raid_config } = await untilState(cloud, uuid, 'clean failed');
    assert.ok(last_error?.includes(error), last_error ?? '');
    assert.deepEqual(raid_config, recorded);
  });

test('refuses what cannot be made, and a restart between steps of the ramdisk', async (t) => {
  const fixture = await aFixture(t, { target_raid_config: { logical_disks: [{ ...mirror, raid_level: '5' }] } });
  await assert.rejects(fixture.go('clean', { clean_steps: [create] }), /the first logical disk must be RAID 1/);
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { target_raid_config: { logical_disks: [mirror] } });
  const reboot = { interface: 'power', step: 'reboot' };
  await assert.rejects(fixture.go('clean', { clean_steps: [erase, reboot, create] }), /restarts the machine between steps/);
  assert.deepEqual(fixture.booted, []);
  await fixture.store.nodes.update({ uuid: fixture.uuid }, { driver_info: { agent: 'ipa' } });
  await assert.rejects(fixture.go('clean', { clean_steps: [remove] }), /driver_info\/agent must be ingot, not ipa/);
  assert.deepEqual(fixture.booted, []);
});
