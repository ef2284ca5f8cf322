/** Disks lost between two cleanings, according to the ramdisk's reports. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '#agent-protocol/messages.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, type Cloud, testCloud } from '#test/a-cloud.ts';
import { aDisk, aHello, aRequester, bootstrapOf } from '#test/an-agent.ts';

async function aSite(t: { after(end: () => Promise<void>): void }) {
  const cloud = await testCloud();
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  return { cloud, node: await anAvailableNode(cloud, 'n1') };
}

type Ending = { state: Node['provision_state']; error: string };

/** Runs a manual cleaning, in which the ramdisk finds `present` and erases `erased`. */
async function clean(cloud: Cloud, { uuid }: Node, present: Disk[], erased = present): Promise<Ending> {
  const nodeNow = async () => (await cloud.store.nodes.find({ uuid }))!;
  if ((await nodeNow()).provision_state !== 'manageable') await cloud.engine.setProvisionState(uuid, 'manage');
  await cloud.engine.setProvisionState(uuid, 'clean');
  while ((await nodeNow()).provision_state !== 'clean wait') await new Promise(setImmediate);
  const operation = (await cloud.store.operations.find({ id: (await nodeNow()).operation_id! }))!;
  const hello = aHello({ inventory: { ...aHello().inventory, disks: present } });
  const { session } = await cloud.engine.agentHello(bootstrapOf(operation), hello, aRequester());
  const command = await cloud.engine.agentNext(session, 5000, AbortSignal.timeout(5000));
  const disks = erased.map(({ device, size_bytes }) => ({ device, size_bytes, method: 'discard', seconds: 1 }));
  await cloud.engine.agentResult(session, { command_id: command!.id, ok: true, result: { disks } });
  await cloud.engine.ended(operation.id);
  const { provision_state: state, last_error } = await nodeNow();
  return { state, error: last_error ?? '' };
}

const sda = aDisk({ device: '/dev/sda', serial: 'S1', model: 'Disk One' });
const sdb = aDisk({ device: '/dev/sdb', serial: 'S2', model: 'Disk Two' });
const other = (device: string, size_bytes = 8e9) => aDisk({ device, serial: '', size_bytes });

test('fails the cleaning of a machine without disks unless the operator has declared it diskless', async (t) => {
  const { cloud, node } = await aSite(t);

  const { state, error } = await clean(cloud, node, []);

  assert.equal(state, 'clean failed');
  assert.match(error, /cleaned without any disk.*local_gb=0/);
  await cloud.engine.updateNode(node.uuid, ({ properties }) => ({ properties: { ...properties, local_gb: '0' } }));
  assert.equal((await clean(cloud, node, [])).state, 'manageable');
});

test('reports a missing disk until the operator accepts it, and erases the others', async (t) => {
  const { cloud, node } = await aSite(t);
  assert.equal((await clean(cloud, node, [sda, sdb])).state, 'manageable');

  // It is now the first disk.
  const { state, error } = await clean(cloud, node, [{ ...sdb, device: '/dev/sda' }]);
  const again = await clean(cloud, node, [{ ...sdb, device: '/dev/sda' }]);

  assert.deepEqual([state, again.state], ['clean failed', 'clean failed']);
  assert.match(error, /cleaned without disk \/dev\/sda \(Disk One, serial S1, 9 GB\).*--property lost_disks=S1/);
  await cloud.engine.updateNode(node.uuid, ({ properties }) => ({ properties: { ...properties, lost_disks: 'S9, S1' } }));
  assert.equal((await clean(cloud, node, [sdb])).state, 'manageable');
  await cloud.engine.updateNode(node.uuid, { properties: {} });
  assert.equal((await clean(cloud, node, [sdb])).state, 'manageable', 'it is forgotten');
});

test('quotes unusual serial numbers in the suggested command, which then works', async (t) => {
  const { cloud, node } = await aSite(t);
  const serial = '$(reboot); "S 1",`id`';
  await clean(cloud, node, [{ ...sda, serial }, sdb]);
  const { state, error } = await clean(cloud, node, [sdb]);
  assert.equal(state, 'clean failed');
  const [, command = '', wanted = ''] = /`(baremetal [^`]*lost_disks=([^`]*))` accepts/.exec(error) ?? [];
  assert.match(command, /^[\w ./:=+-]+$/);
  assert.equal(error.split('`').length, 3, 'the only command is ours');
  await cloud.engine.updateNode(node.uuid, ({ properties }) => ({ properties: { ...properties, lost_disks: wanted } }));
  assert.equal((await clean(cloud, node, [sdb])).state, 'manageable');
});

test('identifies disks added later, and disks without serial numbers, by count and size', async (t) => {
  const { cloud, node } = await aSite(t);
  assert.equal((await clean(cloud, node, [other('/dev/vda'), other('/dev/vdb')])).state, 'manageable');
  assert.match((await clean(cloud, node, [other('/dev/vda')])).error, /without disk \/dev\/vdb/);
  assert.match((await clean(cloud, node, [other('/dev/vda'), other('/dev/vdb', 9e9)])).error, /without disk \/dev\/vdb \(.*8 GB/);
  const three = [other('/dev/vdb'), other('/dev/vda'), other('/dev/vdc')];
  await clean(cloud, node, three);
  assert.match((await clean(cloud, node, three.slice(1))).error, /without disk/);
});

test('counts a present disk that was not erased as missing, and ignores removable disks', async (t) => {
  const { cloud, node } = await aSite(t);
  assert.match((await clean(cloud, node, [sda, sdb], [sda])).error, /without disk \/dev\/sdb/);
  const stick = aDisk({ device: '/dev/sdc', serial: 'U1', removable: true });
  assert.equal((await clean(cloud, node, [sda, sdb, stick], [sda, sdb])).state, 'manageable');
  assert.equal((await clean(cloud, node, [sda, sdb])).state, 'manageable');
});
