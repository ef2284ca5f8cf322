/** Referee test: the unmodified `openstack` client with the RAID of nodes. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runWithSdk } from './a-copied-client.ts';
import { openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;
type Disk = { id: string; raid_level: string; size_gb: number; is_root_volume?: boolean; root_device_hint?: object };

const target = {
  logical_disks: [
    { size_gb: 100, raid_level: '1', is_root_volume: true, volume_name: 'root' },
    { size_gb: 'MAX', raid_level: '5' },
  ],
};
const step = (name: string) => JSON.stringify([{ interface: 'raid', step: name }]);

const ingot = aSharedIngot(async (directory) => {
  await writeFile(join(directory, 'raid.json'), JSON.stringify(target));
  await writeFile(join(directory, 'image'), Buffer.alloc(1024 ** 2));
  await writeFile(join(directory, 'create.json'), step('create_configuration'));
  await writeFile(join(directory, 'delete.json'), step('delete_configuration'));
  await writeFile(join(directory, 'odd.json'), JSON.stringify({ logical_disks: [{ size_gb: 1, raid_level: '7' }] }));
});

test('sets a target configuration, which a cleaning makes, and another one deletes', { skip }, async () => {
  const { replies, output, errors } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --raid-interface fake --name raid1 -f json',
    `baremetal node set --target-raid-config ${join(ingot.directory, 'raid.json')} raid1`,
    'baremetal node manage --wait 60 raid1',
    'baremetal node validate raid1 -f json',
    `baremetal node clean --wait 60 --clean-steps ${join(ingot.directory, 'create.json')} raid1`,
    'baremetal node show -f json raid1',
    `baremetal node clean --wait 60 --clean-steps ${join(ingot.directory, 'delete.json')} raid1`,
    'baremetal node unset --target-raid-config raid1',
    'baremetal node show -f json raid1',
  ]);
  assert.doesNotMatch(errors, /HTTP/, output);
  const [created, validity, made, deleted] = replies.filter((reply) => reply !== undefined) as [Row, Row[], Row, Row];
  assert.equal(created['raid_interface'], 'fake', output);
  assert.equal(validity.find((row) => row['Interface'] === 'raid')?.['Result'], true, output);
  assert.deepEqual(made['target_raid_config'], target, output);
  const { logical_disks: disks } = made['raid_config'] as { logical_disks: Disk[] };
  assert.deepEqual(
    disks.map(({ raid_level, size_gb, is_root_volume }) => [raid_level, size_gb, is_root_volume ?? false]),
    [
      ['1', 100, true],
      ['5', 1000, false],
    ],
    output,
  );
  const properties = made['properties'] as Row;
  assert.deepEqual([properties['root_device'], properties['local_gb']], [disks[0]?.root_device_hint, 100], output);
  assert.match(String(properties['capabilities']), /raid_level:1/);
  assert.deepEqual([deleted['raid_config'], deleted['target_raid_config']], [{}, {}], output);
});

test('says why a configuration or a step is refused, and what a logical disk may have', { skip }, async () => {
  const { errors } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name raid2',
    `baremetal node set --target-raid-config ${join(ingot.directory, 'odd.json')} raid2`,
    'baremetal node manage --wait 60 raid2',
    `baremetal node clean --clean-steps ${join(ingot.directory, 'create.json')} raid2`,
    'baremetal node set --raid-interface no-raid raid2',
    `baremetal node set --target-raid-config ${join(ingot.directory, 'raid.json')} raid2`,
    'baremetal node set --raid-interface redfish raid2',
  ]);
  assert.match(errors, /RAID config validation error: '7' is not one of .*\(HTTP 400\)/);
  assert.match(errors, /has no target RAID configuration/);
  assert.match(errors, /Driver fake-hardware does not support raid \(disabled or not implemented\).*\(HTTP 404\)/);
  assert.match(errors, /redfish/);
  const properties = (await openstackJson(ingot.env, [
    'baremetal',
    'driver',
    'raid',
    'property',
    'list',
    'fake-hardware',
  ])) as Row[];
  assert.equal(properties.length, 10);
});

test('a deployment and a servicing apply a configuration', { skip }, async () => {
  const file = ['--disk-format', 'raw', '--container-format', 'bare', '--file', join(ingot.directory, 'image')];
  const image: Row = await openstackJson(ingot.env, ['image', 'create', ...file, 'img']);
  await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name raid3',
    'baremetal node manage --wait 60 raid3',
    'baremetal node provide --wait 60 raid3',
    `baremetal node set --instance-info image_source=${String(image['id'])} raid3`,
  ]);
  const raid = (size_gb: number) => ({ raid_config: { logical_disks: [{ size_gb, raid_level: '1', is_root_volume: true }] } });
  const program = `
import time
path, seen = '/nodes/raid3', []
def wait(state):
    end = time.monotonic() + 60
    while (shown := cloud.baremetal.get(path, microversion='1.92').json())['provision_state'] != state:
        assert time.monotonic() < end, shown
    return shown['raid_config']['logical_disks']
deploy = json.loads(${JSON.stringify(JSON.stringify([{ interface: 'raid', step: 'apply_configuration', args: raid(50), priority: 150 }]))})
service = json.loads(${JSON.stringify(JSON.stringify([{ interface: 'raid', step: 'apply_configuration', args: raid(70) }]))})
for body, in [({'target': 'active', 'deploy_steps': deploy},), ({'target': 'service', 'service_steps': service},)]:
    reply = cloud.baremetal.put(path + '/states/provision', json=body, microversion='1.92')
    assert reply.ok, reply.text
    seen.append(wait('active'))
print(json.dumps(seen))`;

  const [deployed, serviced] = (await runWithSdk(ingot.env, program)) as [Disk[], Disk[]];

  assert.deepEqual([deployed.map(({ size_gb }) => size_gb), serviced.map(({ size_gb }) => size_gb)], [[50], [70]]);
});
