/** Referee test: commands of `openstack baremetal` that no other test here uses; and that there is a test of each. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const resources = {
  nodes: [{ name: 'filed2', driver: 'fake-hardware' }],
  chassis: [
    {
      description: 'rack 1',
      nodes: [
        {
          name: 'filed1',
          driver: 'fake-hardware',
          portgroups: [{ name: 'bond1', ports: [{ address: '52:54:00:aa:00:01' }] }],
          ports: [{ address: '52:54:00:aa:00:02' }],
        },
      ],
    },
  ],
};
const ingot = aSharedIngot((directory) => writeFile(join(directory, 'resources.json'), JSON.stringify(resources)));

test('creates chassis, nodes, port groups and ports from a file, and changes a port', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    `baremetal create ${join(ingot.directory, 'resources.json')}`,
    'baremetal port list --node filed1 --long -f json',
    'baremetal node show filed1 -c chassis_uuid -f json',
    'baremetal chassis list -f json',
    'baremetal node show filed2 -c provision_state -f json',
  ]);
  const [ports, node, [chassis], other] = replies as [Row[], Row, Row[], Row];
  assert.deepEqual(ports.map((port) => port['Address']).sort(), ['52:54:00:aa:00:01', '52:54:00:aa:00:02'], output);
  assert.equal(ports.filter((port) => port['Portgroup UUID'] !== null).length, 1, output);
  assert.equal(node['chassis_uuid'], chassis?.['UUID'], output);
  assert.equal(other['provision_state'], 'enroll', output);

  const loose = ports.find((port) => port['Portgroup UUID'] === null)?.['UUID'];
  const changed = await openstackSession(ingot.env, [
    `baremetal port set --pxe-disabled ${loose}`,
    `baremetal port show ${loose} -f json`,
    `baremetal port delete ${loose}`,
    'baremetal port list --node filed1 -f json',
  ]);
  const [port, left] = changed.replies as [Row, Row[]];
  assert.deepEqual([port['pxe_enabled'], left.length], [false, 1], changed.output);
});

test('lists the properties of a logical disk that a driver knows', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, ['baremetal driver raid property list fake-hardware -f json']);
  const [properties] = replies as [Row[]];
  assert.match(String(properties.find((row) => row['Property'] === 'raid_level')?.['Description']), /RAID level/, output);
});

test('shows a driver, its conductor, BIOS setting, traits and history of a node', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name seen -f json',
    'baremetal node manage --wait 60 seen',
    'baremetal node add trait seen CUSTOM_FAST',
    'baremetal conductor list -f json',
    'baremetal driver show fake-hardware -c name -c hosts -f json',
    'baremetal driver passthru list fake-hardware -f json',
    'baremetal node bios setting show seen BootMode -f json',
    'baremetal node trait list seen -f json',
    'baremetal node history list seen -f json',
  ]);
  const [, [conductor], driver, methods, setting, traits, history] = replies as [Row, Row[], Row, Row[], Row, Row[], Row[]];
  const host = conductor?.['Hostname'];
  assert.deepEqual([driver['name'], driver['hosts']], ['fake-hardware', host], output);
  assert.deepEqual([methods, history], [[], []], output);
  assert.deepEqual([setting['name'], setting['value']], ['BootMode', 'Uefi'], output);
  assert.deepEqual(traits, [{ Traits: 'CUSTOM_FAST' }], output);
  const { output: shown } = await openstackSession(ingot.env, [`baremetal conductor show ${host} -c alive -f json`]);
  assert.match(shown, /"alive": true/);
});

test('restarts a node, and turns its console and secure boot off', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name used -f json',
    'baremetal node manage --wait 60 used',
    'baremetal node power on --power-timeout 60 used',
    'baremetal node reboot used',
    'baremetal node console disable used',
    'baremetal node secure boot off used',
    'baremetal node show used -c console_enabled -c secure_boot -f json',
  ]);
  assert.deepEqual(replies.at(-1), { console_enabled: false, secure_boot: false }, output);
});

test('changes and unsets what volume connectors and targets have', { skip }, async () => {
  const uuid = '0f0e0d0c-0000-4000-8000-00000000000a';
  const [connector, target] = ['0f0e0d0c-0000-4000-8000-00000000000b', '0f0e0d0c-0000-4000-8000-00000000000c'];
  const { replies, output, errors } = await openstackSession(ingot.env, [
    `baremetal node create --driver fake-hardware --uuid ${uuid}`,
    // Volumes change while the node is off.
    `baremetal node manage --wait 60 ${uuid}`,
    `baremetal volume connector create --node ${uuid} --uuid ${connector} --type iqn --connector-id iqn.a --extra a=1`,
    `baremetal volume target create --node ${uuid} --uuid ${target} --type iscsi --volume-id v1 --boot-index 0 --extra a=1`,
    `baremetal volume connector unset --extra a ${connector}`,
    `baremetal volume target set --volume-id v2 --property lun=3 ${target}`,
    `baremetal volume target unset --extra a ${target}`,
    `baremetal volume connector show ${connector} -f json`,
    `baremetal volume target show ${target} -f json`,
  ]);
  const [one, other] = replies.slice(-2) as [Row, Row];
  assert.deepEqual([one['connector_id'], one['extra']], ['iqn.a', {}], output + errors);
  assert.deepEqual([other['volume_id'], other['properties'], other['extra']], ['v2', { lun: 3 }, {}], output);
});

test('says what is not there: rescue, methods of drivers, an entry of the history', { skip }, async () => {
  const { errors } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name lacking',
    'baremetal driver passthru call fake-hardware nothing',
    'baremetal node rescue --rescue-password x lacking',
    'baremetal node unrescue lacking',
    'baremetal node history get lacking 0f0e0d0c-0000-4000-8000-00000000000d',
    'baremetal node inspect lacking',
  ]);
  assert.match(errors, /No handler for method nothing \(HTTP 400\)/);
  assert.match(errors, /verb 'rescue' is not supported/);
  assert.match(errors, /verb 'unrescue' is not supported/);
  assert.match(errors, /HTTP 404/);
  assert.match(errors, /action 'inspect.*' can not be performed on node lacking while it is in state 'enroll'/);
});

const commandsOf = `
import importlib.metadata
for entry in importlib.metadata.entry_points(group='openstack.baremetal.v1'):
    print(entry.name.replace('_', ' '))
`;

test('each command for bare metal is used by a test here, or by the tests of the client itself', { skip }, () => {
  const commands = execFileSync('/usr/bin/python3', ['-c', commandsOf], { encoding: 'utf8' }).trim().split('\n');
  const own = textsBelow(import.meta.dirname, '.test.ts').replaceAll("', '", ' ');
  const theirs = textsBelow('/usr/lib/python3/dist-packages/ironicclient/tests/functional/osc', '.py').replaceAll(/'\s*'/g, '');

  const unused = commands.filter((command) => !`${own}${theirs}`.includes(command));

  assert.ok(commands.length > 90, `${commands.length} commands`);
  assert.deepEqual(unused, []);
});

function textsBelow(folder: string, end: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(end));
  return files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}
