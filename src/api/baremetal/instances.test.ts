/** Instances of Ironic's API: deployed by `active` from `instance_info`, without a server of the compute API. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import { aFreeNode } from '#test/two-projects.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { store } = fixture;
const image = anImage();
await store.images.insert(image);
const missing = 'bbbbbbbb-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const url = 'http://192.0.2.1/image.qcow2';
const sha256 = 'a'.repeat(64);
const instance_uuid = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function ask(method: Method, path: string, payload?: object, version = '1.109') {
  const url = path.startsWith('/') ? path : `/baremetal/v1/${path}`;
  const headers = { 'x-openstack-ironic-api-version': version };
  const { status, body } = await fixture.ask({ method, url, headers, ...(payload && { payload }) });
  const text = body?.error_message ? JSON.parse(body.error_message).faultstring : '';
  return { status, body, text };
}

const provision = (node: string, target: string, more: object = {}, version?: string) =>
  ask('PUT', `nodes/${node}/states/provision`, { target, ...more }, version);

async function aNodeWith(instance_info: object = { image_source: image.id }): Promise<string> {
  const uuid = await aFreeNode(fixture);
  const patch = [{ op: 'add', path: '/instance_info', value: instance_info }];
  assert.equal((await ask('PATCH', `nodes/${uuid}`, patch)).status, 200);
  return uuid;
}

async function stateOf(uuid: string): Promise<string> {
  return (await ask('GET', `nodes/${uuid}`)).body.provision_state;
}

let lastNode: string | undefined;
beforeEach(async () => {
  fixture.breakDownloads(undefined);
  fixture.fetched.length = 0;
  fixture.breakDeployments(undefined);
  fixture.onDeploy(undefined);
  // An instance UUID is on one node only.
  if (lastNode) await store.nodes.update({ uuid: lastNode }, { instance_uuid: null });
});

test('deploys, rebuilds and deletes an instance that is no server', async () => {
  const uuid = await aNodeWith({ image_source: `glance://${image.id}`, root_gb: '10', swap_mb: 5, display_name: 'Web 1' });
  lastNode = uuid;
  const patched = await ask('PATCH', `nodes/${uuid}`, [{ op: 'add', path: '/instance_uuid', value: instance_uuid }]);
  assert.equal(patched.body.instance_uuid, instance_uuid);
  const seen: unknown[] = [];
  fixture.onDeploy(async ({ instance, imageIds }) => void seen.push(instance, await imageIds()));

  assert.equal((await provision(uuid, 'active')).status, 202);
  await fixture.quiet();

  assert.equal(await stateOf(uuid), 'active');
  const flavor = { name: 'instance_info', disk: 10, ephemeral: 0, swap: 5, extra_specs: {} };
  const [instance, ids] = seen as [{ project_id: string }, object];
  const { project_id } = instance;
  assert.deepEqual(instance, { id: instance_uuid, hostname: 'web-1', project_id, preserve_ephemeral: false, flavor });
  assert.deepEqual(ids, { image: image.id });
  assert.deepEqual((await ask('GET', '/compute/v2.1/servers?all_tenants=1')).body.servers, []);

  assert.equal((await provision(uuid, 'rebuild')).status, 202);
  await fixture.quiet();
  assert.equal(await stateOf(uuid), 'active');
  assert.equal(seen.length, 4);

  assert.equal((await provision(uuid, 'deleted')).status, 202);
  await fixture.quiet();
  const { body } = await ask('GET', `nodes/${uuid}`);
  assert.deepEqual(
    [body.provision_state, body.instance_uuid, body.instance_info, body.power_state],
    ['available', null, {}, 'power off'],
  );
});

test('deploys a node without an instance UUID', async () => {
  const uuid = await aNodeWith({ image_source: image.id, capabilities: '{"boot_option": "local"}', vcpus: 4 });

  await provision(uuid, 'deploy');
  await fixture.quiet();

  assert.equal(await stateOf(uuid), 'active');
  const refused = await ask('DELETE', `nodes/${uuid}`);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /in provision state "active"/);
});

test('keeps the instance of a failed deployment, which can be deployed again or deleted', async () => {
  const uuid = await aNodeWith();
  fixture.breakDeployments(new Fault('agentFailed', { command: 'write the image', detail: 'no disk' }));
  await provision(uuid, 'active');
  await fixture.quiet();
  const failed = (await ask('GET', `nodes/${uuid}`)).body;
  assert.equal(failed.provision_state, 'deploy failed');
  assert.match(failed.last_error, /no disk/);
  assert.equal(failed.instance_info.image_source, image.id);

  fixture.breakDeployments(undefined);
  assert.equal((await provision(uuid, 'active')).status, 202);
  await fixture.quiet();
  assert.deepEqual([await stateOf(uuid), (await ask('GET', `nodes/${uuid}`)).body.last_error], ['active', null]);

  fixture.breakDeployments(new Fault('agentFailed', { command: 'write the image', detail: 'no disk' }));
  await provision(uuid, 'rebuild');
  await fixture.quiet();
  await provision(uuid, 'deleted');
  await fixture.quiet();
  assert.equal(await stateOf(uuid), 'available');
});

test('a deletion aborts the deployment of the instance', async () => {
  const uuid = await aNodeWith();
  const goOn = fixture.hold();
  await provision(uuid, 'active');

  const deleted = await provision(uuid, 'deleted');
  const shown = (await ask('GET', `nodes/${uuid}`)).body;
  goOn();
  await fixture.quiet();

  assert.deepEqual([deleted.status, shown.target_provision_state], [202, 'available']);
  assert.equal(await stateOf(uuid), 'available');
});

test('refuses what instance_info lacks, and verbs that the state does not have', async () => {
  const bare = await aNodeWith({});
  const cases = [
    [{}, 400, /Missing are: \['instance_info.image_source'\]/],
    [{ image_source: missing }, 400, /Can not find requested image bbbbbbbb/],
    [{ image_source: image.id, root_gb: 'ten' }, 400, /instance_info\/root_gb/],
    [{ image_source: image.id, root_gb: '9999999' }, 400, /instance_info\/root_gb/],
    [{ image_source: image.id, swap_mb: -1 }, 400, /instance_info\/swap_mb/],
    [{ image_source: 'debian.qcow2' }, 400, /reason: Scheme-less image href is not a UUID/],
    [{ image_source: 'ftp://192.0.2.1/image' }, 400, /reason: Image download protocol ftp is not supported/],
    [{ image_source: 'oci://registry/image' }, 501, /An image by oci/],
    [{ image_source: url }, 400, /"image_checksum", or "image_os_hash_algo" and "image_os_hash_value" must be provided/],
    [{ image_source: url, image_os_hash_algo: 'sha256' }, 400, /must be provided/],
    [{ image_source: url, image_os_hash_value: sha256 }, 400, /must be provided/],
    [{ image_source: url, image_checksum: 'sum' }, 400, /supplied image checksum is invalid/],
    [{ image_source: url, image_os_hash_algo: 'blake2b', image_os_hash_value: sha256 }, 501, /image_os_hash_algo blake2b/],
    [{ image_source: url, image_checksum: sha256, image_type: 'disk' }, 400, /Invalid image_type "disk"/],
    [{ image_source: url, image_checksum: sha256, kernel: url }, 400, /Missing are: \['ramdisk', 'root_gb'\]/],
    [{ image_source: image.id, kernel: missing }, 400, /Can not find requested image bbbbbbbb/],
    [{ image_source: image.id, boot_iso: url }, 501, /instance_info.boot_iso/],
    [{ image_source: image.id, capabilities: { secure_boot: 'true' } }, 501, /instance_info.capabilities with secure_boot/],
    [{ image_source: image.id, capabilities: '{"boot_option": "ramdisk"}' }, 501, /boot_option:ramdisk/],
    [
      { image_source: image.id, capabilities: { boot_mode: 'both' } },
      400,
      /'boot_mode' from .* Acceptable values are: bios, uefi/,
    ],
    [{ image_source: image.id, capabilities: 'uefi' }, 400, /Error parsing capabilities/],
  ] as const;
  for (const [value, status, text] of cases) {
    await ask('PATCH', `nodes/${bare}`, [{ op: 'add', path: '/instance_info', value }]);
    const reply = await provision(bare, 'active');
    assert.deepEqual([reply.status, await stateOf(bare)], [status, 'available'], JSON.stringify(value));
    assert.match(reply.text, text);
  }
  for (const target of ['rebuild', 'deleted']) {
    const reply = await provision(bare, target);
    assert.equal(reply.status, 400);
    assert.match(reply.text, new RegExp(`requested action '${target}`));
  }
  await ask('PUT', `nodes/${bare}/maintenance`, {});
  const kept = await provision(bare, 'active');
  assert.equal(kept.status, 400);
  assert.match(kept.text, /in maintenance mode/);
});

test('downloads what is named by URL, once for each deployment, before the machine is touched', async () => {
  const drive = 'http://192.0.2.1/drive?token=secret';
  const hash = { image_os_hash_algo: 'sha256', image_os_hash_value: sha256 };
  const uuid = await aNodeWith({ image_source: url, ...hash, image_disk_format: 'qcow2', capabilities: { boot_mode: 'uefi' } });
  const used: unknown[] = [];
  fixture.onDeploy(async ({ imageIds, images }) => {
    const { image } = await imageIds();
    used.push(image, await images.file(image));
  });

  assert.equal((await provision(uuid, 'active', { configdrive: drive })).status, 202);
  await fixture.quiet();

  const image = { url, use: 'disk', checksum: sha256, algorithm: 'sha256', disk_format: 'qcow2' };
  assert.deepEqual(fixture.fetched, [image, drive]);
  const [{ id } = { id: '' }] = await store.fetched_images.list();
  assert.deepEqual(used, [id, `/images/${id}`]);
  assert.equal(await stateOf(uuid), 'active');
  assert.equal((await ask('GET', `/image/v2/images/${id}`)).status, 404);
  const taken = await ask('POST', '/image/v2/images', { id, name: 'x', disk_format: 'raw', container_format: 'bare' });
  assert.equal(taken.status, 409);

  await provision(uuid, 'rebuild');
  await fixture.quiet();
  assert.deepEqual(fixture.fetched, [image, drive, image, drive]);
});

test('a deployment fails if its image cannot be downloaded, or is removed', async () => {
  const uuid = await aNodeWith({ image_source: url, image_checksum: sha256 });
  fixture.breakDownloads(new Fault('imageDownloadFailed', { image: url, detail: 'no reply in time' }));
  await provision(uuid, 'active');
  await fixture.quiet();
  const failed = (await ask('GET', `nodes/${uuid}`)).body;
  assert.equal(failed.provision_state, 'deploy failed');
  assert.match(
    failed.last_error,
    /Download the images.*Failed to download image http:\/\/192.0.2.1\/image.qcow2, reason: no reply in time/,
  );

  fixture.breakDownloads(undefined);
  fixture.onDeploy(async ({ imageIds, images }) => {
    const { image } = await imageIds();
    await store.fetched_images.remove({ id: image });
    await images.file(image);
  });
  await provision(uuid, 'active');
  await fixture.quiet();
  assert.match((await ask('GET', `nodes/${uuid}`)).body.last_error, /its download was removed, since the operation was started/);
});

test('kernel and ramdisk come from instance_info, by id and by URL', async () => {
  const kernel = anImage({ id: 'cccccccc-aaaa-4aaa-8aaa-aaaaaaaaaaaa', disk_format: 'aki' });
  await store.images.insert(kernel);
  const ramdisk = 'file:///var/lib/ironic/initrd';
  const uuid = await aNodeWith({
    image_source: url,
    image_checksum: sha256,
    kernel: `glance://${kernel.id}`,
    ramdisk,
    root_gb: 5,
  });
  const seen: unknown[] = [];
  fixture.onDeploy(async ({ imageIds }) => void seen.push(await imageIds()));

  await provision(uuid, 'active');
  await fixture.quiet();

  const [used] = seen as [{ image: string; kernel: string; ramdisk: string }];
  const rows = await store.fetched_images.list({ id: [used.image, used.ramdisk] }, { orderBy: 'name' });
  assert.deepEqual([used.kernel, ...rows.map(({ name }) => name)], [kernel.id, ramdisk, url]);
  assert.equal(await stateOf(uuid), 'active');
});

test('an image is not deleted by force while an instance is deployed from it', async () => {
  const uuid = await aNodeWith();
  const goOn = fixture.hold();
  await provision(uuid, 'active');

  const reply = await ask('DELETE', `/image/v2/images/${image.id}?force=true`);
  goOn();
  await fixture.quiet();

  assert.equal(reply.status, 409);
});

test('an instance is on one node, which it leaves before another comes', async () => {
  const [first, second] = [await aNodeWith(), await aNodeWith()];
  lastNode = first;
  const set = (node: string, value: string) => ask('PATCH', `nodes/${node}`, [{ op: 'add', path: '/instance_uuid', value }]);

  assert.equal((await set(first, instance_uuid.replaceAll('-', ''))).body.instance_uuid, instance_uuid);
  const twice = await set(second, instance_uuid);
  const over = await set(first, instance_uuid.replace('a', 'b'));
  const odd = await set(second, 'web');

  assert.deepEqual([twice.status, over.status, odd.status], [409, 409, 400]);
  assert.match(twice.text, /already associated with a node/);
  assert.match(over.text, /is associated with instance aaaaaaaa/);
  assert.match(odd.text, /Expected UUID for instance_uuid: web/);
  assert.equal((await ask('PATCH', `nodes/${first}`, [{ op: 'remove', path: '/instance_uuid' }])).body.instance_uuid, null);
});

test('the node of a server is left to the compute API', async () => {
  const uuid = await aFreeNode(fixture);
  const server = { name: 'web', imageRef: image.id, flavorRef: 'f1', networks: 'none' };
  await ask('POST', '/compute/v2.1/flavors', { flavor: { id: 'f1', name: 'f1', vcpus: 1, ram: 1, disk: 1 } });
  const host = { 'os:scheduler_hints': { node: uuid } };
  const made = await fixture.ask({
    ...{ method: 'POST', url: '/compute/v2.1/servers', payload: { server, ...host } },
    headers: { 'openstack-api-version': 'compute 2.37' },
  });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  await fixture.quiet();
  const node = (await store.servers.find({ id: made.body.server.id }))?.node_uuid ?? '';

  const cleared = await ask('PATCH', `nodes/${node}`, [{ op: 'remove', path: '/instance_uuid' }]);
  const rebuilt = await provision(node, 'rebuild');
  assert.deepEqual([cleared.status, rebuilt.status], [409, 409]);

  assert.equal((await provision(node, 'deleted')).status, 202);
  await fixture.quiet();
  assert.equal((await store.servers.find({ id: made.body.server.id }))?.vm_state, 'deleted');
});

test('keeps a config drive until the instance is deleted, and takes it only where Ironic does', async () => {
  const uuid = await aNodeWith();
  const iso = Buffer.from('an image').toString('base64');
  const refused = [
    [await provision(uuid, 'manage', { configdrive: iso }), /only supported when setting provision state to active or rebuild/],
    [await provision(uuid, 'active', { configdrive: '***' }), /no base64/],
    [await provision(uuid, 'active', { configdrive: { meta_data: {} } }, '1.55'), /starting with API version 1.56/],
    [await provision(uuid, 'active', { configdrive: { user_data: 1 } }), /config drive must be/],
    [
      await provision(uuid, 'active', { configdrive: Buffer.from([0x1f, 0x8b, 8, 0]).toString('base64') }),
      /gzip data is damaged/,
    ],
  ] as const;
  for (const [{ status, text }, pattern] of refused) {
    assert.equal(status, 400);
    assert.match(text, pattern);
  }
  for (const configdrive of ['file:///etc/passwd', `http://192.0.2.1/${'a'.repeat(2048)}`])
    assert.match((await provision(uuid, 'active', { configdrive })).text, /must be one of http or https/);

  await provision(uuid, 'active', { configdrive: { meta_data: { hostname: 'web' }, user_data: '#!/bin/sh' } });
  await fixture.quiet();
  const kept = await store.config_drives.find({ id: uuid });
  assert.deepEqual(kept?.document, { meta_data: { uuid, hostname: 'web' }, user_data: '#!/bin/sh' });

  await provision(uuid, 'rebuild', { configdrive: iso });
  await fixture.quiet();
  assert.deepEqual((await store.config_drives.find({ id: uuid }))?.document, { iso });
  await provision(uuid, 'deleted');
  await fixture.quiet();
  assert.equal(await store.config_drives.find({ id: uuid }), undefined);
});

test('the next instance gets no config drive of a deployment that failed', async () => {
  const uuid = await aNodeWith();
  fixture.breakDeployments(new Fault('agentFailed', { command: 'write the image', detail: 'no disk' }));
  await provision(uuid, 'active', { configdrive: { user_data: 'secret' } });
  await fixture.quiet();
  assert.notEqual(await store.config_drives.find({ id: uuid }), undefined);

  await provision(uuid, 'manage');
  const refused = await ask('DELETE', `nodes/${uuid}`);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /its disks may hold a tenant's data/);
  await provision(uuid, 'provide');
  await fixture.quiet();
  assert.equal(await stateOf(uuid), 'available');
  assert.equal(await store.config_drives.find({ id: uuid }), undefined);
});

test('VIFs stay attached after a failed deployment, and leave before a server comes', async () => {
  const uuid = await aNodeWith();
  const { network } = (await ask('POST', '/network/v2.0/networks', { network: { name: 'n' } })).body;
  const { id } = (await ask('POST', '/network/v2.0/ports', { port: { network_id: network.id } })).body.port;
  await ask('POST', `nodes/${uuid}/vifs`, { id });
  fixture.breakDeployments(new Fault('agentFailed', { command: 'write the image', detail: 'no disk' }));
  await provision(uuid, 'active');
  await fixture.quiet();
  assert.deepEqual((await ask('GET', `nodes/${uuid}/vifs`)).body, { vifs: [{ id }] });

  fixture.breakDeployments(undefined);
  await provision(uuid, 'manage');
  await provision(uuid, 'provide');
  await fixture.quiet();
  await fixture.engine.createServers({
    ...{ name: 'web', project_id: network.project_id, user_id: 'u', flavor: aFlavor({ vcpus: 1, ram: 1, disk: 1 }), image },
    ...{ networks: 'none', node: uuid },
  });
  await fixture.quiet();
  assert.equal((await store.servers.find({ node_uuid: uuid }))?.vm_state, 'active');
  const { device_id, status, mac_address } = (await store.ports.find({ id }))!;
  assert.deepEqual([device_id, status, mac_address.slice(0, 8)], ['', 'DOWN', 'fa:16:3e']);
});

test('attaches network ports to NICs, whose MAC they get, and detaches them', async () => {
  const uuid = await aNodeWith();
  const nic = await store.node_ports.find({ node_uuid: uuid });
  const network = (await ask('POST', '/network/v2.0/networks', { network: { name: 'n' } })).body.network;
  const aPort = async () => (await ask('POST', '/network/v2.0/ports', { port: { network_id: network.id } })).body.port.id;
  const [first, second] = [await aPort(), await aPort()];

  assert.equal((await ask('POST', `nodes/${uuid}/vifs`, { id: first })).status, 204);
  const again = await ask('POST', `nodes/${uuid}/vifs`, { id: first });
  const full = await ask('POST', `nodes/${uuid}/vifs`, { id: second });
  const unknown = await ask('POST', `nodes/${uuid}/vifs`, { id: 'none' });

  assert.deepEqual((await ask('GET', `nodes/${uuid}/vifs`)).body, { vifs: [{ id: first }] });
  const { mac_address, status } = (await store.ports.find({ id: first }))!;
  assert.deepEqual([mac_address, status], [nic?.address, 'ACTIVE']);
  assert.deepEqual([again.status, full.status, unknown.status], [409, 400, 400]);
  assert.match(full.text, /not enough free physical ports/);

  const other = await ask('DELETE', `nodes/${uuid}/vifs/${second}`);
  assert.match(other.text, /because it is not attached to it/);
  assert.equal((await ask('DELETE', `nodes/${uuid}/vifs/${first}`)).status, 204);
  assert.deepEqual((await ask('GET', `nodes/${uuid}/vifs`)).body, { vifs: [] });

  await ask('POST', `nodes/${uuid}/vifs`, { id: second, port_uuid: nic?.uuid });
  await provision(uuid, 'active');
  await fixture.quiet();
  await provision(uuid, 'deleted');
  await fixture.quiet();
  assert.deepEqual((await ask('GET', `nodes/${uuid}/vifs`)).body, { vifs: [] });
  assert.equal((await store.ports.find({ id: second }))?.device_id, '');
});

test("a port keeps the device that Nova has written, and loses Ironic's own and its binding", async () => {
  const uuid = await aNodeWith();
  const { network } = (await ask('POST', '/network/v2.0/networks', { network: { name: 'devices' } })).body;
  const device = { device_id: 'instance-of-nova', device_owner: 'compute:nova', 'binding:host_id': 'compute-1' };
  const ports = [];
  for (const fields of [device, {}]) {
    const { id } = (await ask('POST', '/network/v2.0/ports', { port: { network_id: network.id, ...fields } })).body.port;
    assert.equal((await ask('POST', `nodes/${uuid}/vifs`, { id })).status, 204);
    assert.equal((await ask('DELETE', `nodes/${uuid}/vifs/${id}`)).status, 204);
    ports.push(await store.ports.find({ id }));
  }
  const shown = ports.map((port) => [port?.device_id, port?.device_owner, port?.binding_host_id, port?.status]);
  assert.deepEqual(shown, [
    ['instance-of-nova', 'compute:nova', '', 'DOWN'],
    ['', '', '', 'DOWN'],
  ]);
});
