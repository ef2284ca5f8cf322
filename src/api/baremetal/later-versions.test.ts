/** Additions to Ironic's API from 1.79 on, which older clients do not see. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Inventory } from '#engine/contract.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const root = '/baremetal/v1';
const newest = 115;

function ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object, minor = newest) {
  const headers = { 'x-openstack-ironic-api-version': `1.${minor}` };
  return fixture.ask({ method, url: `${root}/${path}`, headers, ...(payload && { payload }) });
}
const get = async (path: string, minor = newest) => (await ask('GET', path, undefined, minor)).body;
const textOf = (body: { error_message: string }) => JSON.parse(body.error_message).faultstring;
let count = 0;
async function enrol(fields: object = {}) {
  count += 1;
  const reply = await ask('POST', 'nodes', { driver: 'fake-hardware', name: `later-${count}`, ...fields });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body;
}
const uuids = async (query: string) =>
  (await get(`nodes?resource_class=${query}`)).nodes.map(({ uuid }: { uuid: string }) => uuid);

test('the version document and headers name the newest version, and later ones are rejected', async () => {
  const { status, headers } = await ask('GET', 'nodes');

  assert.equal(status, 200);
  assert.equal(headers['x-openstack-ironic-api-maximum-version'], `1.${newest}`);
  assert.equal((await get('')).version.version, `1.${newest}`);
  const beyond = await ask('GET', 'nodes', undefined, newest + 1);
  assert.equal(beyond.status, 406);
  const document = await ask('GET', '', undefined, newest + 1);
  for (const reply of [beyond, document]) assert.equal(reply.headers['x-openstack-ironic-api-maximum-version'], `1.${newest}`);
});

const nodeFieldRows: [name: string, minor: number, value: unknown][] = [
  ['shard', 82, null],
  ['parent_node', 83, null],
  ['firmware_interface', 86, 'no-firmware'],
  ['service_step', 87, {}],
  ['disable_power_off', 95, false],
  ['instance_name', 104, null],
  ['health', 109, null],
];
for (const [name, minor, value] of nodeFieldRows) {
  test(`a node shows ${name} since 1.${minor}`, async () => {
    const { uuid } = await enrol();

    const before = await get(`nodes/${uuid}`, minor - 1);
    const after = await get(`nodes/${uuid}?fields=${name}`, minor);

    assert.equal(name in before, false);
    assert.deepEqual(after, { [name]: value, links: before.links });
    assert.equal((await ask('GET', `nodes/${uuid}?fields=${name}`, undefined, minor - 1)).status, 406);
  });
}

const writableRows: [name: string, minor: number, value: unknown][] = [
  ['shard', 82, 'north'],
  ['firmware_interface', 86, 'no-firmware'],
  ['disable_power_off', 95, false],
  ['instance_name', 104, 'web1'],
];
for (const [name, minor, value] of writableRows) {
  test(`${name} can be written since 1.${minor}, and gives 406 before`, async () => {
    const { uuid } = await enrol();
    const patch = [{ op: 'add', path: `/${name}`, value }];
    const node = { driver: 'fake-hardware', [name]: value };

    assert.equal((await ask('PATCH', `nodes/${uuid}`, patch, minor - 1)).status, 406);
    assert.equal((await ask('POST', 'nodes', node, minor - 1)).status, 406);
    assert.equal((await ask('PATCH', `nodes/${uuid}`, patch, minor)).body[name], value);
    assert.equal((await ask('POST', 'nodes', node, minor)).body[name], value);
  });
}

const routeRows: [method: 'GET' | 'POST' | 'DELETE', path: string, minor: number][] = [
  ['GET', 'nodes/{node}/inventory', 81],
  ['GET', 'shards', 82],
  ['GET', 'nodes/{node}/children', 83],
  ['POST', 'continue_inspection', 84],
  ['POST', 'heartbeat/{node}', 22],
  ['GET', 'nodes/{node}/firmware', 86],
  ['POST', 'nodes/{node}/vmedia', 89],
  ['DELETE', 'nodes/{node}/vmedia', 89],
  ['GET', 'runbooks', 92],
  ['POST', 'runbooks', 92],
  ['GET', 'nodes/{node}/vmedia', 93],
  ['GET', 'inspection_rules', 96],
];
for (const [method, path, minor] of routeRows) {
  test(`${method} ${path} does not exist before 1.${minor}`, async () => {
    const { uuid } = await enrol();
    const at = async (version: number) => (await ask(method, path.replace('{node}', uuid), undefined, version)).body;

    const wanted = new RegExp(`it needs 1\\.${minor} could not be found`);
    assert.match(textOf(await at(minor - 1)), wanted);
    assert.doesNotMatch(JSON.stringify(await at(minor)), wanted);
  });
}

const filterRows: [path: string, minor: number][] = [
  ['nodes?shard=a', 82],
  ['nodes?sharded=true', 82],
  ['ports?shard=a', 82],
  ['nodes/detail?shard=a', 82],
  ['ports/detail?shard=a', 82],
  ['nodes?include_children=true', 83],
  ['ports?description_contains=a', 97],
  ['ports?conductor_groups=a', 99],
  ['nodes?instance_name=a', 104],
];
for (const [path, minor] of filterRows) {
  test(`${path} filters since 1.${minor}`, async () => {
    assert.equal((await ask('GET', path, undefined, minor - 1)).status, 406);
    assert.equal((await ask('GET', path, undefined, minor)).status, 200);
  });
}

test('parent_node filters and can be written since 1.83, and gives 406 before', async () => {
  const [parent, other] = [await enrol(), await enrol()];
  const patch = [{ op: 'add', path: '/parent_node', value: parent.uuid }];
  const part = { driver: 'fake-hardware', parent_node: parent.uuid };

  assert.equal((await ask('GET', `nodes?parent_node=${parent.uuid}`, undefined, 82)).status, 406);
  assert.equal((await ask('PATCH', `nodes/${other.uuid}`, patch, 82)).status, 406);
  assert.equal((await ask('POST', 'nodes', part, 82)).status, 406);
  assert.equal((await ask('GET', `nodes?parent_node=${parent.uuid}`, undefined, 83)).status, 200);
  assert.equal((await ask('PATCH', `nodes/${other.uuid}`, patch, 83)).body.parent_node, parent.uuid);
  assert.equal((await ask('POST', 'nodes', part, 83)).body.parent_node, parent.uuid);
});

const nowhere = '00000000-0000-4000-8000-000000000001';
const wrongRows: [
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body: object | undefined,
  status: number,
  text: RegExp,
][] = [
  ['POST', 'nodes', { driver: 'fake-hardware', shard: 'x'.repeat(256) }, 400, /shard/],
  ['POST', 'nodes', { driver: 'fake-hardware', parent_node: 'nobody' }, 400, /nobody could not be found/],
  ['POST', 'nodes', { driver: 'fake-hardware', instance_name: 7 }, 400, /instance_name/],
  ['PATCH', 'nodes/{node}', [{ op: 'add', path: '/shard', value: 7 }], 400, /shard/],
  ['PATCH', 'nodes/{node}', [{ op: 'add', path: '/boot_mode', value: 'uefi' }], 400, /boot_mode/],
  ['GET', 'nodes?sharded=perhaps', undefined, 400, /sharded/],
  ['GET', 'nodes?include_children=perhaps', undefined, 400, /include_children/],
  ['GET', 'nodes?sort_key=driver_info', undefined, 400, /driver_info/],
  ['GET', 'ports?sort_key=extra', undefined, 400, /extra/],
  ['GET', 'nodes?marker=nobody', undefined, 400, /Expected UUID for marker: nobody/],
  ['GET', 'ports?marker=nobody', undefined, 400, /Expected UUID for marker: nobody/],
  ['GET', 'chassis?marker=nobody', undefined, 400, /Expected UUID for marker: nobody/],
  ['GET', 'ports?sort_dir=up', undefined, 400, /Invalid sort direction: up. Acceptable values are 'asc' or 'desc'/],
  ['GET', 'ports?limit=-1', undefined, 400, /Limit must be positive/],
  ['GET', 'nodes/{node}/operations?marker=nobody', undefined, 400, /nobody could not be found/],
  ['GET', 'nodes/{node}/history?marker=nobody', undefined, 400, /Expected UUID for marker: nobody/],
  ['GET', `nodes/{node}/history?marker=${nowhere}`, undefined, 404, /Node history record .* could not be found/],
  ['GET', 'nodes/nobody/children', undefined, 404, /nobody could not be found/],
  ['GET', 'nodes/nobody/vmedia', undefined, 404, /nobody could not be found/],
  ['POST', 'nodes/{node}/vmedia', { device_type: 'cdrom', image_url: 'file:///etc/passwd' }, 400, /image_url/],
  ['POST', 'nodes/{node}/vmedia', { device_type: 'cdrom', image_url: `http://a/${'x'.repeat(2048)}` }, 400, /image_url/],
  ['DELETE', 'nodes/{node}/vmedia?device_types=tape', undefined, 400, /tape/],
  ['POST', 'ports', { node_uuid: '{node}', address: 'aa:bb:cc:66:00:01', category: 7 }, 400, /category/],
];
for (const [method, path, body, status, text] of wrongRows) {
  test(`${method} ${path.slice(0, 60)} with ${JSON.stringify(body)?.slice(0, 60) ?? 'nothing'} is rejected with Ironic's message`, async () => {
    const { uuid } = await enrol();
    const reply = await ask(method, path.replace('{node}', uuid), body);

    assert.equal(reply.status, status, JSON.stringify(reply.body));
    assert.match(textOf(reply.body), text);
  });
}

test('a rejected image is not quoted with the secrets of its URL', async () => {
  const { uuid } = await enrol();
  const image_url = 'gopher://me:hunter22@images.example/a.iso?token=s3cret';
  const { status, body } = await ask('POST', `nodes/${uuid}/vmedia`, { device_type: 'cdrom', image_url });

  assert.equal(status, 400);
  assert.doesNotMatch(JSON.stringify(body), /hunter22|s3cret/);
});

test('filters nodes and ports by shard, and counts them', async () => {
  const north = await enrol({ resource_class: 'sharded', shard: 'north' });
  const south = await enrol({ resource_class: 'sharded', shard: 'south' });
  const none = await enrol({ resource_class: 'sharded' });
  await ask('POST', 'ports', { node_uuid: north.uuid, address: 'aa:bb:cc:11:00:01' });
  await ask('POST', 'ports', { node_uuid: none.uuid, address: 'aa:bb:cc:11:00:02' });

  assert.deepEqual(await uuids('sharded&shard=north'), [north.uuid]);
  assert.deepEqual(await uuids('sharded&shard=north,south'), [north.uuid, south.uuid]);
  assert.deepEqual(await uuids('sharded&sharded=true&sort_key=shard&sort_dir=desc'), [south.uuid, north.uuid]);
  assert.deepEqual(await uuids('sharded&sharded=false'), [none.uuid]);
  const { ports } = await get('ports?shard=north');
  assert.deepEqual(
    ports.map(({ address }: { address: string }) => address),
    ['aa:bb:cc:11:00:01'],
  );
  assert.equal((await ask('GET', `ports?shard=north&node=${north.uuid}`)).status, 403);
  const { shards } = await get('shards');
  assert.deepEqual(
    shards.find(({ name }: { name: string }) => name === 'south'),
    { name: 'south', count: 1 },
  );
  const patch = [{ op: 'remove', path: '/shard' }];
  assert.equal((await ask('PATCH', `nodes/${south.uuid}`, patch)).body.shard, null);
});

test('lists a child node only with its parent, and never deploys a server on it', async () => {
  const parent = await enrol({ resource_class: 'parts' });
  const part = await enrol({ resource_class: 'parts', parent_node: parent.name });

  assert.equal(part.parent_node, parent.uuid);
  assert.deepEqual(await uuids('parts'), [parent.uuid]);
  assert.deepEqual(await uuids('parts&include_children=true'), [parent.uuid, part.uuid]);
  assert.deepEqual(await uuids(`parts&parent_node=${parent.uuid}`), [part.uuid]);
  assert.deepEqual(await uuids(`parts&parent_node=${parent.name}`), [part.uuid]);
  assert.deepEqual((await get(`nodes/${parent.uuid}/children`)).children, [part.uuid]);
  assert.deepEqual((await get(`nodes/${part.uuid}/children`)).children, []);
  assert.equal((await ask('DELETE', `nodes/${parent.uuid}`)).status, 409);
  assert.equal((await ask('DELETE', `nodes/${part.uuid}`)).status, 204);
  assert.equal((await ask('DELETE', `nodes/${parent.uuid}`)).status, 204);
});

test('rejects a parent that is the node itself, unknown, or a child', async () => {
  const parent = await enrol();
  const part = await enrol({ parent_node: parent.uuid });
  const other = await enrol();
  const put = async (uuid: string, value: string) => {
    const { status, body } = await ask('PATCH', `nodes/${uuid}`, [{ op: 'add', path: '/parent_node', value }]);
    return `${status} ${status === 200 ? body.parent_node : textOf(body)}`;
  };

  assert.match(await put(other.uuid, 'nobody'), /^400 .*nobody could not be found/);
  assert.match(await put(other.uuid, other.uuid), /^400 .*its own parent_node/);
  assert.match(await put(other.uuid, part.uuid), /^400 .*is a child node itself/);
  assert.match(await put(parent.uuid, other.uuid), /^400 .*has child nodes/);
  assert.equal(await put(other.uuid, parent.name), `200 ${parent.uuid}`);
});

const inventory: Inventory = {
  cpu: { count: 8, model: 'Xeon', architecture: 'x86_64', flags: ['vmx'] },
  memory_bytes: 16 * 2 ** 30,
  disks: [
    { device: '/dev/sda', size_bytes: 480e9, model: 'SSD', serial: 'S1', rotational: false, removable: false },
    { device: '/dev/sdb', size_bytes: 1e9, model: 'Stick', serial: '', rotational: false, removable: true },
  ].map((disk) => ({ ...disk, discard_max_bytes: 0, write_zeroes_max_bytes: 0 })),
  nics: [{ name: 'eth0', mac: '52:54:00:00:00:01', driver: 'e1000', link: true, speed_mbps: 1000, address: '192.0.2.7' }],
  system: { vendor: 'Maker', product: 'Model', serial: '42', uuid: 'b9c2f0a4-4a0e-4f5e-9b1c-1f6f4d7c0a11' },
  firmware: { mode: 'uefi', version: '1.2' },
};

test("returns the inventory in Ironic's format, and 404 before an inspection", async () => {
  const { uuid, name } = await enrol();
  assert.equal((await ask('GET', `nodes/${uuid}/inventory`)).status, 404);
  await fixture.store.nodes.update({ uuid }, { inventory: JSON.parse(JSON.stringify(inventory)) });

  const reported = await get(`nodes/${name}/inventory`);

  assert.deepEqual(reported.inventory.memory, { total: 16 * 2 ** 30, physical_mb: 16384 });
  assert.equal(reported.inventory.cpu.model_name, 'Xeon');
  assert.deepEqual(
    reported.inventory.disks.map(({ name, size, serial }: Record<string, unknown>) => [name, size, serial]),
    [
      ['/dev/sda', 480e9, 'S1'],
      ['/dev/sdb', 1e9, null],
    ],
  );
  const [nic] = reported.inventory.interfaces;
  assert.deepEqual([nic.mac_address, nic.ipv4_address, nic.has_carrier], ['52:54:00:00:00:01', '192.0.2.7', true]);
  assert.deepEqual(reported.inventory.boot, { current_boot_mode: 'uefi', pxe_interface: null });
  assert.equal(reported.inventory.system_vendor.product_name, 'Model');
  assert.deepEqual(reported.plugin_data, {
    ...{ macs: ['52:54:00:00:00:01'], cpus: 8, cpu_arch: 'x86_64', memory_mb: 16384, local_gb: 447 },
  });
});

test('shows an InfiniBand port as Ironic does, and its full address', async () => {
  const { uuid } = await enrol();
  const infiniband_address = '80:00:00:48:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52';
  const client_id = 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52';
  const port = { ...inventory.nics[0], mac: '7c:fe:90:29:26:52', infiniband_address, client_id };
  await fixture.store.nodes.update({ uuid }, { inventory: JSON.parse(JSON.stringify({ ...inventory, nics: [port] })) });

  const reported = (await get(`nodes/${uuid}/inventory`)).inventory.interfaces[0];

  assert.deepEqual([reported.mac_address, reported.client_id], ['7c:fe:90:29:26:52', client_id]);
  assert.equal(reported.infiniband_address, infiniband_address);
});

test('a port has a name since 1.88 and is found by it', async () => {
  const { uuid } = await enrol();
  const made = await ask('POST', 'ports', { node_uuid: uuid, address: 'aa:bb:cc:22:00:01', name: 'left' });
  assert.equal(made.status, 201, JSON.stringify(made.body));

  assert.deepEqual(await get('ports/left'), made.body);
  assert.equal('name' in (await get(`ports/${made.body.uuid}`, 87)), false);
  assert.equal((await ask('POST', 'ports', { node_uuid: uuid, address: 'aa:bb:cc:22:00:02', name: 'left' })).status, 409);
  const rename = (value: string) => ask('PATCH', 'ports/left', [{ op: 'replace', path: '/name', value }]);
  assert.equal((await rename('with space')).status, 400);
  assert.equal((await rename(uuid)).status, 400);
  assert.equal((await rename('right')).body.name, 'right');
  assert.equal((await ask('PATCH', 'ports/right', [{ op: 'remove', path: '/name' }])).body.name, null);
  const old = await ask('POST', 'ports', { node_uuid: uuid, address: 'aa:bb:cc:22:00:03', name: 'x' }, 87);
  assert.equal(old.status, 406);
});

test('a port has a description, a vendor and a category, each since its version', async () => {
  const node = await enrol();
  const texts = { description: 'towards the spine', vendor: 'Maker', category: 'fast' };

  const made = await ask('POST', 'ports', { node_ident: node.name, address: 'aa:bb:cc:33:00:01', ...texts });

  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { uuid, node_uuid, description, vendor, category } = made.body;
  assert.deepEqual({ node_uuid, description, vendor, category }, { node_uuid: node.uuid, ...texts });
  for (const [name, minor] of [['description', 97] as const, ['vendor', 100] as const, ['category', 101] as const]) {
    assert.equal(name in (await get(`ports/${uuid}`, minor - 1)), false);
    assert.equal((await get(`ports/${uuid}`, minor))[name], texts[name]);
    const change = [{ op: 'replace', path: `/${name}`, value: 'other' }];
    assert.equal((await ask('PATCH', `ports/${uuid}`, change, minor - 1)).status, 406);
    assert.equal((await ask('PATCH', `ports/${uuid}`, change, minor)).body[name], 'other');
  }
  assert.equal((await get('ports?description_contains=othe')).ports.length, 1);
  assert.equal((await get('ports?description_contains=spine')).ports.length, 0);
  assert.equal((await get('ports?conductor_groups=rack9')).ports.length, 0);
});

test('moves a port to another node by UUID or name, but not while a server uses it', async () => {
  const [from, to] = [await enrol(), await enrol()];
  const { uuid } = (await ask('POST', 'ports', { node_uuid: from.uuid, address: 'aa:bb:cc:77:00:01' })).body;
  const move = (value: unknown) => ask('PATCH', `ports/${uuid}`, [{ op: 'replace', path: '/node_uuid', value }]);

  assert.equal((await move('nobody')).status, 400);
  assert.equal((await move(null)).status, 400);
  assert.equal((await move(to.name)).body.node_uuid, to.uuid);
  await fixture.store.node_ports.update({ uuid }, { vif_port_id: 'vif' });
  assert.equal((await move(from.uuid)).status, 409);
  assert.equal((await move(to.uuid)).status, 200);
  await fixture.store.node_ports.update({ uuid }, { vif_port_id: null });
  assert.equal((await ask('DELETE', `ports/${uuid}`)).status, 204);
});

test('a port names its node by one field, since 1.94 by two', async () => {
  const { uuid, name } = await enrol();
  const make = async (fields: object, minor = newest) =>
    (await ask('POST', 'ports', { address: 'aa:bb:cc:44:00:01', ...fields }, minor)).status;

  assert.equal(await make({}), 400);
  assert.equal(await make({ node_uuid: uuid, node_ident: name }), 400);
  assert.equal(await make({ node_ident: name }, 93), 406);
  assert.equal(await make({ node_ident: name }, 94), 201);
});

test('accepts an OVN link on a port from 1.90 to 1.104', async () => {
  const { uuid } = await enrol();
  const local_link_connection = { port_id: 'p', 'vtep-logical-switch': 'l', 'vtep-physical-switch': 's' };
  const port = { node_uuid: uuid, address: 'aa:bb:cc:55:00:01', local_link_connection };

  assert.equal((await ask('POST', 'ports', port, 89)).status, 406);
  const made = await ask('POST', 'ports', port, 90);
  assert.deepEqual(made.body.local_link_connection, local_link_connection);
  assert.equal((await ask('POST', 'ports', { ...port, address: 'aa:bb:cc:55:00:02' }, 105)).status, 406);
});

test('instance_name is the display_name of instance_info', async () => {
  const { uuid } = await enrol({ resource_class: 'named', instance_info: { a: 1 }, instance_name: '50%_web' });
  await enrol({ resource_class: 'named', instance_info: { display_name: '50 web' } });
  await enrol({ resource_class: 'named', instance_info: { deeper: { display_name: '50%_web' } } });
  const patch = async (...changes: object[]) => (await ask('PATCH', `nodes/${uuid}`, changes)).body;

  assert.deepEqual((await get(`nodes/${uuid}`)).instance_info, { a: 1, display_name: '50%_web' });
  assert.deepEqual(await uuids(`named&instance_name=${encodeURIComponent('50%_web')}`), [uuid]);
  assert.deepEqual(await uuids(`named&instance_name=${encodeURIComponent('50%_WEB')}`), []);
  const both = [
    { op: 'add', path: '/instance_info/b', value: 2 },
    { op: 'replace', path: '/instance_name', value: 'db1' },
  ];
  assert.deepEqual((await patch(...both)).instance_info, { a: 1, b: 2, display_name: 'db1' });
  assert.equal((await patch({ op: 'add', path: '/instance_info/display_name', value: 'db2' })).instance_name, 'db2');
  const bare = await patch({ op: 'remove', path: '/instance_name' });
  assert.deepEqual([bare.instance_name, bare.instance_info], [null, { a: 1, b: 2 }]);
});

test('accepts names that end in .json', async () => {
  const { uuid } = await enrol({ name: 'web.json' });

  assert.equal((await get('nodes/web.json', 91)).uuid, uuid);
  assert.equal((await ask('GET', 'nodes/web', undefined, 91)).status, 404);
});

test('a patch reaches keys with ~ and / as JSON Pointer escapes them', async () => {
  const { uuid } = await enrol();

  const { body } = await ask('PATCH', `nodes/${uuid}`, [{ op: 'add', path: '/extra/a~1b~0c', value: 1 }]);

  assert.deepEqual(body.extra, { 'a/b~c': 1 });
});

test('rejects an image that Ingot would have to serve before contacting the BMC', async () => {
  const { uuid } = await enrol();
  const image = { device_type: 'cdrom', image_url: 'http://192.0.2.1/a.iso' };
  const put = (fields: object) => ask('POST', `nodes/${uuid}/vmedia`, { ...image, ...fields });

  assert.match(textOf((await put({ image_download_source: 'local' })).body), /'local'/);
  assert.equal((await put({ image_download_source: 'swift' })).status, 501);
  assert.equal((await put({ device_type: 'tape' })).status, 400);
  assert.equal((await put({ username: 'me' })).status, 400);
  assert.match(textOf((await put({})).body), /does not support/);
});
