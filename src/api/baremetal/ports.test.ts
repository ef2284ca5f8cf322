import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const ports = '/baremetal/v1/ports';
const node = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'one' });
const other = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'two' });

function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, minor = 78) {
  return fixture.ask({ method, url, headers: { 'x-openstack-ironic-api-version': `1.${minor}` }, ...(payload && { payload }) });
}

test('creates a port and shows it by microversion', async () => {
  const local_link_connection = { switch_id: '0a:1b:2c:3d:4e:5f', port_id: 'Eth1', switch_info: 'leaf' };
  const created = await ask('POST', ports, { node_uuid: node.uuid, address: 'AA-BB-CC-00-00-01', local_link_connection });

  assert.equal(created.status, 201, JSON.stringify(created.body));
  const { uuid, address, pxe_enabled, node_uuid } = created.body;
  assert.deepEqual(
    { address, pxe_enabled, node_uuid },
    { address: 'aa:bb:cc:00:00:01', pxe_enabled: true, node_uuid: node.uuid },
  );
  assert.deepEqual(created.body.local_link_connection, local_link_connection);
  assert.deepEqual((await ask('GET', `${ports}/${uuid}`)).body, created.body);
  assert.equal('pxe_enabled' in (await ask('GET', `${ports}/${uuid}`, undefined, 18)).body, false);
});

test('rejects an invalid or used MAC, an unknown node, and unsupported fields', async () => {
  const create = async (fields: object) =>
    (await ask('POST', ports, { node_uuid: node.uuid, address: 'aa:bb:cc:00:00:77', ...fields })).status;

  assert.equal(await create({ address: 'aa:bb' }), 400);
  const infiniband = await ask('POST', ports, {
    node_uuid: node.uuid,
    address: '80:00:00:48:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52',
  });
  assert.equal(infiniband.status, 400);
  assert.match(JSON.stringify(infiniband.body), /address.*7c:fe:90:29:26:52/);
  for (const address of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']) assert.equal(await create({ address }), 400);
  for (const address of ['aa:bb:cc:00:00:01', 'AA-BB-CC-00-00-01']) assert.equal(await create({ address }), 409);
  assert.equal(await create({ node_uuid: 'none' }), 400);
  assert.equal(await create({ local_link_connection: { color: 'red' } }), 400);
  assert.equal(await create({ is_smartnic: true }), 501);
  assert.equal(await create({ portgroup_uuid: 'x' }), 400);
});

test('lists by address and node', async () => {
  await ask('POST', ports, { node_uuid: other.uuid, address: 'aa:bb:cc:00:00:02' });
  const addresses = async (url: string) => (await ask('GET', url)).body.ports.map(({ address }: { address: string }) => address);

  assert.deepEqual(await addresses(ports), ['aa:bb:cc:00:00:01', 'aa:bb:cc:00:00:02']);
  assert.deepEqual(await addresses(`${ports}?address=AA:BB:CC:00:00:02`), ['aa:bb:cc:00:00:02']);
  for (const address of ['', 'aa:bb']) assert.equal((await ask('GET', `${ports}?address=${address}`)).status, 400, address);
  assert.deepEqual(await addresses(`${ports}/detail?node=two`), ['aa:bb:cc:00:00:02']);
  assert.deepEqual(await addresses(`/baremetal/v1/nodes/one/ports`), ['aa:bb:cc:00:00:01']);
  assert.deepEqual(Object.keys((await ask('GET', ports)).body.ports[0]).sort(), ['address', 'links', 'uuid']);
});

test('the database filters, sorts and cuts the list', async () => {
  const { uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'sorted' });
  for (const [last, description] of [
    ['30', 'spine'],
    ['10', 'leaf'],
    ['20', 'leaf'],
  ])
    await ask('POST', ports, { node_uuid: uuid, address: `aa:bb:cc:00:02:${last}`, description }, 97);
  const list = async (query: string) => (await ask('GET', `${ports}?node=sorted${query}`, undefined, 99)).body;
  const lasts = async (query: string) => (await list(query)).ports.map(({ address }: { address: string }) => address.slice(-2));

  assert.deepEqual(await lasts(''), ['30', '10', '20']);
  assert.deepEqual(await lasts('&sort_dir=desc'), ['20', '10', '30']);
  assert.deepEqual(await lasts('&sort_key=address'), ['10', '20', '30']);
  assert.deepEqual(await lasts('&sort_key=description'), ['10', '20', '30']);
  assert.deepEqual(await lasts('&sort_key=description&sort_dir=desc'), ['30', '20', '10']);
  assert.deepEqual(await lasts('&description_contains=LEA&sort_key=address&sort_dir=desc'), ['20', '10']);
  const first = await list('&sort_key=description&limit=2');
  const marker = first.ports[1].uuid;
  assert.equal(new URL(first.next).searchParams.get('marker'), marker);
  assert.deepEqual(await lasts(`&sort_key=description&limit=2&marker=${marker.toUpperCase()}`), ['30']);
  assert.equal('next' in (await list(`&sort_key=description&limit=1&marker=${marker}`)), false);
});

test('combinations of filters and sort keys of later versions are refused as by Ironic', async () => {
  const statuses = async (query: string, minor: number) => (await ask('GET', `${ports}?${query}`, undefined, minor)).status;
  const { uuid: group } = (await ask('POST', '/baremetal/v1/portgroups', { node_uuid: node.uuid }, 99)).body;

  assert.equal(await statuses(`node=one&portgroup=${group}`, 99), 403);
  assert.equal(await statuses(`shard=a&portgroup=${group}`, 99), 403);
  assert.equal(await statuses('conductor_groups=&node=one', 99), 200);
  assert.equal(await statuses('conductor_groups=a&node=one', 99), 400);
  assert.equal(await statuses('conductor_groups=a&address=aa:bb:cc:00:00:01', 99), 400);
  for (const [key, minor] of [
    ['pxe_enabled', 19],
    ['physical_network', 34],
    ['name', 88],
    ['description', 97],
  ] as const)
    assert.deepEqual([await statuses(`sort_key=${key}`, minor - 1), await statuses(`sort_key=${key}`, minor)], [406, 200], key);
});

test('patches and deletes', async () => {
  const [{ uuid }] = (await ask('GET', `${ports}?address=aa:bb:cc:00:00:02`)).body.ports;
  const patched = await ask('PATCH', `${ports}/${uuid}`, [
    { op: 'replace', path: '/address', value: 'AA:BB:CC:00:00:03' },
    { op: 'replace', path: '/pxe_enabled', value: false },
    { op: 'add', path: '/extra/where', value: 'left' },
  ]);

  assert.equal(patched.status, 200, JSON.stringify(patched.body));
  assert.equal(patched.body.address, 'aa:bb:cc:00:00:03');
  assert.equal(patched.body.pxe_enabled, false);
  assert.deepEqual(patched.body.extra, { where: 'left' });
  assert.equal((await ask('PATCH', `${ports}/${uuid}`, [{ op: 'replace', path: '/address', value: 'x' }])).status, 400);
  assert.equal((await ask('PATCH', `${ports}/${uuid}`, [{ op: 'replace', path: '/uuid', value: 'x' }])).status, 400);
  assert.equal((await ask('DELETE', `${ports}/${uuid}`)).status, 204);
  assert.equal((await ask('DELETE', `${ports}/${uuid}`)).status, 404);
});
