/** Referee tests: unmodified newer clients with virtual media, firmware and inventory, on the lab's Redfish BMC. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Inventory } from '#engine/contract.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { databaseFile } from '#store/database-address.ts';
import { openStore } from '#store/store.ts';
import { aNode } from '#test/a-task.ts';
import { foldersOf, ironicClient, openstackSdk, runWithSdk, whyMissing, withCopiedCommands } from './a-copied-client.ts';
import { hasOpenstackClient, openstack, openstackJson, openstackSession } from './openstack.ts';
import { startWholeIngot, type WholeIngot } from './whole-ingot.ts';

const withoutClient = hasOpenstackClient ? false : 'the openstack client is not installed (apt: python3-openstackclient)';
const withoutCommands = withoutClient || whyMissing(ironicClient);
const withoutSdk = withoutClient || whyMissing(openstackSdk);
type Row = Record<string, unknown>;

let ingot: WholeIngot;
let bmc: Awaited<ReturnType<typeof startBmc>>;

before(async () => {
  ingot = await startWholeIngot(recordNode);
  bmc = await startBmc(join(ingot.directory, 'media'));
});
after(async () => {
  await bmc.close();
  await ingot.close();
});

/** The lab's BMC with a machine that is only a power state, and a web server with an image. */
async function startBmc(mediaFolder: string) {
  await mkdir(mediaFolder);
  const chassis = createMemoryChassis('off');
  const bmcModel = createBmcModel({ chassis, users: [{ name: 'admin', password: 'alt-geheim', privilege: 'administrator' }] });
  const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, mediaFolder });
  const files: Server = createServer((_, reply) => reply.end('an image')).listen(0, '127.0.0.1');
  await once(files, 'listening');
  const image = `http://127.0.0.1:${(files.address() as AddressInfo).port}/rescue.iso`;
  const info = { redfish_address: service.url, redfish_username: 'admin', redfish_password: 'alt-geheim' };
  return {
    image,
    /** Options of `baremetal node create`. */
    options: Object.entries(info).map(([key, value]) => `--driver-info ${key}=${value}`),
    async close() {
      files.closeAllConnections();
      files.close();
      await service.close();
    },
  };
}

const copiedEnv = () => withCopiedCommands(ingot.env, join(ingot.directory, 'commands'));

const inventory: Inventory = {
  cpu: { count: 8, model: 'Xeon', architecture: 'x86_64', flags: [] },
  memory_bytes: 16 * 2 ** 30,
  disks: [],
  nics: [{ name: 'eth0', mac: '52:54:00:00:00:01', driver: 'e1000', link: true, speed_mbps: null, address: null }],
  system: { vendor: 'Maker', product: 'Model', serial: '42', uuid: '' },
  firmware: { mode: 'bios', version: '1' },
};

/** A machine on which the ramdisk has run. */
async function recordNode(state: string): Promise<void> {
  await mkdir(state, { mode: 0o700 });
  const store = await openStore(databaseFile(state));
  const fake = { power_interface: 'fake', management_interface: 'fake', boot_interface: 'fake', deploy_interface: 'fake' };
  await store.nodes.insert({
    ...aNode({ ...fake, name: 'seen1', driver: 'fake-hardware', provision_state: 'manageable', target_provision_state: null }),
    inventory,
  });
  await store.close();
}

test('python-ironicclient lists firmware and saves the inventory', { skip: withoutCommands }, async () => {
  const env = copiedEnv();
  const create = ['baremetal node create --driver redfish --name firm1 -f json', ...bmc.options].join(' ');
  const { replies, output } = await openstackSession(env, [create, 'baremetal node firmware list firm1 -f json']);
  const [created, firmware] = replies as [Row | undefined, Row[]];
  assert.equal(created?.['firmware_interface'], 'redfish', output);
  const components = firmware.map((row) => row['component']);
  assert.ok(components.includes('bmc') && components.includes('bios'), output);
  assert.ok(
    firmware.every((row) => row['current_version'] === row['initial_version'] && row['current_version']),
    output,
  );

  await assert.rejects(openstack(env, ['baremetal', 'node', 'inventory', 'save', 'firm1']), /firm1 could not be found/);
  const file = join(ingot.directory, 'inventory.json');
  await openstack(env, ['baremetal', 'node', 'inventory', 'save', 'seen1', '--file', file]);
  const saved = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(saved.inventory.system_vendor.product_name, 'Model');
  assert.deepEqual(saved.plugin_data.macs, ['52:54:00:00:00:01']);
});

test('python-ironicclient sets shards and parents of nodes, and names of ports', { skip: withoutCommands }, async () => {
  const { replies, output } = await openstackSession(copiedEnv(), [
    'baremetal node create --driver fake-hardware --name whole1 --shard north -f json',
    'baremetal node create --driver fake-hardware --name part1 -f json',
    'baremetal node set part1 --parent-node whole1',
    'baremetal node list --shards north -f json',
    'baremetal node list --parent-node whole1 -f json',
    'baremetal node list --include-children -f json',
    'baremetal shard list -f json',
    'baremetal port create 52:54:00:00:00:09 --node whole1 --name left --description spine --vendor Maker -f json',
    'baremetal port show left -f json',
  ]);
  const [whole, part, north, parts, all, shards, made, shown] = replies as [
    Row | undefined,
    Row,
    Row[],
    Row[],
    Row[],
    Row[],
    Row,
    Row,
  ];
  const names = (rows: Row[]) => rows.map((row) => row['name']);
  assert.equal(whole?.['shard'], 'north', output);
  assert.equal(part['parent_node'], null, output);
  assert.deepEqual(names(north), ['whole1'], output);
  assert.deepEqual(names(parts), ['part1'], output);
  assert.ok(names(all).includes('part1') && names(all).includes('whole1'), output);
  assert.ok(
    shards.some(({ name, count }) => name === 'north' && count === 1),
    output,
  );
  assert.deepEqual([shown['name'], shown['description'], shown['vendor']], ['left', 'spine', 'Maker'], output);
  assert.equal(shown['uuid'], made['uuid'], output);
});

test('openstacksdk inserts and ejects an image, and reads the media', { skip: withoutSdk }, async () => {
  const create = ['baremetal', 'node', 'create', '--driver', 'redfish', '--name', 'media1'];
  await openstackJson(ingot.env, [...create, ...bmc.options.flatMap((option) => option.split(' '))]);
  const slots = "cloud.baremetal.get('/nodes/media1/vmedia', microversion='1.93').json()";
  const reported = (await runWithSdk(
    ingot.env,
    `
node = cloud.baremetal.get_node('media1')
def inserted():
    return [slot['image'] for slot in ${slots} if slot['inserted']]
seen = [inserted()]
cloud.baremetal.attach_vmedia_to_node(node, 'cdrom', '${bmc.image}')
seen.append(inserted())
cloud.baremetal.detach_vmedia_from_node(node, device_types=['floppy'])
seen.append(inserted())
cloud.baremetal.detach_vmedia_from_node(node, device_types=['cdrom'])
seen.append(inserted())
cloud.baremetal.attach_vmedia_to_node(node, 'cdrom', '${bmc.image}', image_download_source='http')
cloud.baremetal.detach_vmedia_from_node(node)
seen.append(inserted())
refused = None
try:
    cloud.baremetal.attach_vmedia_to_node(node, 'cdrom', '${bmc.image}', image_download_source='local')
except openstack.exceptions.HttpException as error:
    refused = error.status_code
print(json.dumps({
    'seen': seen,
    'refused': refused,
    'media_types': [slot['media_types'] for slot in ${slots}],
    'inventory': cloud.baremetal.get_node_inventory('seen1')['inventory']['system_vendor'],
    'firmware': [row['component'] for row in cloud.baremetal.list_node_firmware(node)['firmware']],
}))`,
    foldersOf(openstackSdk),
  )) as { seen: string[][]; refused: number; media_types: string[][]; inventory: Row; firmware: string[] };

  assert.deepEqual(reported.seen, [[], [bmc.image], [bmc.image], [], []]);
  assert.equal(reported.refused, 501);
  assert.ok(
    reported.media_types.some((types) => types.includes('CD')),
    JSON.stringify(reported.media_types),
  );
  assert.equal(reported.inventory['product_name'], 'Model');
  assert.ok(reported.firmware.includes('bios'), reported.firmware.join());
});

test("the distribution's openstacksdk uses virtual media by plain requests", { skip: withoutClient }, async () => {
  const create = ['baremetal', 'node', 'create', '--driver', 'redfish', '--name', 'media2'];
  await openstackJson(ingot.env, [...create, ...bmc.options.flatMap((option) => option.split(' '))]);
  const reported = (await runWithSdk(
    ingot.env,
    `
node = cloud.baremetal.get_node('media2')
path = '/nodes/' + node.id + '/vmedia'
image = {'device_type': 'cdrom', 'image_url': '${bmc.image}'}
statuses = [cloud.baremetal.post(path, json=image, microversion=version).status_code for version in ('1.88', '1.89')]
seen = [slot['image'] for slot in cloud.baremetal.get(path, microversion='1.93').json() if slot['inserted']]
statuses.append(cloud.baremetal.delete(path + '?device_types=cdrom,floppy', microversion='1.89').status_code)
print(json.dumps({'statuses': statuses, 'seen': seen, 'driver': node.driver}))`,
  )) as { statuses: number[]; seen: string[]; driver: string };

  assert.deepEqual(reported, { statuses: [404, 204, 204], seen: [bmc.image], driver: 'redfish' });
});

test("plain requests of the distribution's openstacksdk to fake hardware are answered as Ironic does", {
  skip: withoutClient,
}, async () => {
  await openstackJson(ingot.env, ['baremetal', 'node', 'create', '--driver', 'fake-hardware', '--name', 'plain1']);
  const reported = await runWithSdk(
    ingot.env,
    `
path = '/nodes/' + cloud.baremetal.get_node('plain1').id
def ask(verb, below, version, **more):
    return getattr(cloud.baremetal, verb)(path + below, microversion=version, **more)
print(json.dumps({
    'ejected': ask('delete', '/vmedia', '1.89').status_code,
    'unknown': ask('get', '/bios?fields=color', '1.74').status_code,
    'setting': sorted(ask('get', '/bios?fields=value', '1.74').json()['bios'][0]),
    'power': ask('put', '/states/power', '1.27', json={'target': 'power off', 'timeout': None}).status_code,
    'locations': [
        ask('put', '/states/' + state, '1.76', json={'target': target}).headers.get('Location', '').endswith(path + '/states')
        for state, target in (('boot_mode', 'bios'), ('secure_boot', False))
    ],
}))`,
  );

  const expected = { ejected: 204, unknown: 400, setting: ['name', 'value'], power: 202, locations: [true, true] };
  assert.deepEqual(reported, expected);
});

test("the distribution's client sees no later fields", { skip: withoutClient }, async () => {
  const node = await openstackJson(ingot.env, ['baremetal', 'node', 'create', '--driver', 'fake-hardware', '--name', 'old1']);

  assert.equal('shard' in node || 'service_step' in node || 'disable_power_off' in node, false);
  const late = ['--os-baremetal-api-version', '1.89', 'baremetal', 'node', 'list'];
  await assert.rejects(openstack(ingot.env, late), /1\.89/);
});
