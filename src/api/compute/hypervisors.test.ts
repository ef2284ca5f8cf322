import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aServer } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const base = '/compute/v2.1';
const version = (minor: number) => ({ 'openstack-api-version': `compute 2.${minor}` });
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
const free = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'free', properties });
const used = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'used', properties });
const { store } = fixture;
await store.nodes.update({ uuid: used.uuid }, { instance_uuid: 'server' });
await store.servers.insert(aServer({ id: 'server', node_uuid: used.uuid }));

test('every node is a hypervisor that is either free or fully used', async () => {
  const { hypervisors } = (await fixture.ask({ url: `${base}/os-hypervisors/detail` })).body;

  const names = ['hypervisor_hostname', 'vcpus_used', 'free_ram_mb', 'local_gb', 'running_vms'];
  const amounts = hypervisors.map((hypervisor: Record<string, unknown>) =>
    Object.fromEntries(names.map((name) => [name, hypervisor[name]])),
  );
  assert.deepEqual(amounts, [
    { hypervisor_hostname: free.uuid, vcpus_used: 0, free_ram_mb: 4096, local_gb: 20, running_vms: 0 },
    { hypervisor_hostname: used.uuid, vcpus_used: 4, free_ram_mb: 0, local_gb: 20, running_vms: 1 },
  ]);
});

test('ids are numbers until 2.52 and UUIDs from 2.53; amounts end with 2.88', async () => {
  const show = async (id: number | string, minor: number) =>
    (await fixture.ask({ url: `${base}/os-hypervisors/${id}`, headers: version(minor) })).body.hypervisor;

  assert.equal((await show(used.id, 52)).id, used.id);
  assert.deepEqual((await show(`${used.uuid}?with_servers=true`, 53)).servers, [{ uuid: 'server', name: 'server' }]);
  assert.equal((await show(used.uuid, 87)).vcpus, 4);
  assert.equal('vcpus' in (await show(used.uuid, 88)), false);
});

test('shows servers on request since 2.53, and an empty list since 2.75', async () => {
  const list = async (query: string, minor: number) => {
    const { body } = await fixture.ask({ url: `${base}/os-hypervisors${query}`, headers: version(minor) });
    return body.hypervisors.map(({ servers }: { servers?: unknown[] }) => servers?.length);
  };

  assert.deepEqual(await list('', 75), [undefined, undefined]);
  assert.deepEqual(await list('?with_servers=true', 52), [undefined, undefined]);
  assert.deepEqual(await list('?with_servers=true', 53), [undefined, 1]);
  assert.deepEqual(await list('/detail?with_servers=true', 75), [0, 1]);
});

test('an instance of the bare metal API, or an allocation, is no server', async () => {
  const { uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'other', properties });
  await fixture.engine.updateNode(uuid, { instance_uuid: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' });
  const show = async (path: string, minor: number) =>
    (await fixture.ask({ url: `${base}/os-hypervisors/${path}?with_servers=true`, headers: version(minor) })).body;

  assert.equal((await show(uuid, 53)).hypervisor.servers, undefined);
  assert.deepEqual((await show(uuid, 75)).hypervisor.servers, []);
  const { hypervisors } = await show('detail', 75);
  assert.deepEqual(
    hypervisors.map(({ servers }: { servers: unknown[] }) => servers.length),
    [0, 1, 0],
  );
  await fixture.engine.updateNode(uuid, { instance_uuid: null });
  await fixture.engine.deleteNode(uuid);
});

test('statistics add up the hypervisors', async () => {
  const { hypervisor_statistics } = (await fixture.ask({ url: `${base}/os-hypervisors/statistics` })).body;

  assert.equal(hypervisor_statistics.count, 2);
  assert.equal(hypervisor_statistics.memory_mb, 8192);
  assert.equal(hypervisor_statistics.memory_mb_used, 4096);
});

const readable = [
  '/os-services',
  '/os-availability-zone',
  '/os-availability-zone/detail',
  '/limits',
  '/os-quota-sets/some-project',
  '/os-quota-sets/some-project/defaults',
  '/os-simple-tenant-usage',
  '/os-simple-tenant-usage/some-project',
  '/os-aggregates',
  '/os-server-groups',
  '/os-migrations',
  '/extensions',
  '/extensions/os-baremetal-nodes',
];
for (const path of readable) {
  test(`GET ${path} answers`, async () => {
    assert.equal((await fixture.ask({ url: `${base}${path}` })).status, 200);
  });
}

const refused = [
  ['PUT', '/os-services/1'],
  ['PUT', '/os-quota-sets/some-project'],
  ['POST', '/os-aggregates'],
  ['POST', '/os-server-groups'],
  ['POST', '/os-server-external-events'],
  ['GET', `/os-hypervisors/${free.id}/uptime`],
] as const;
for (const [method, path] of refused) {
  test(`${method} ${path} is answered with 501`, async () => {
    const { status, body } = await fixture.ask({ method, url: `${base}${path}`, ...(method !== 'GET' && { payload: {} }) });

    assert.equal(status, 501);
    assert.match(body.notImplemented.message, /not supported by Ingot yet/);
  });
}

test('pages by markers; a search finds all, whatever their number', async () => {
  const ask = (url: string, minor: string) =>
    fixture.ask({ url: `/compute/v2.1/os-hypervisors${url}`, headers: { 'openstack-api-version': `compute ${minor}` } });
  for (let count = 0; count < 201; count += 1)
    await fixture.engine.createNode({ driver: 'fake-hardware', name: `searched-${count}` });

  const { hypervisors } = (await ask('/searched/search', '2.52')).body;
  assert.equal(hypervisors.length, 201);
  assert.equal(new Set(hypervisors.map(({ id }: { id: number }) => id)).size, 201);
  assert.equal((await ask('/nowhere-at-all/search', '2.52')).status, 404);
  const page = (await ask('?hypervisor_hostname_pattern=searched&limit=200', '2.53')).body;
  const rest = (await ask(`?hypervisor_hostname_pattern=searched&marker=${page.hypervisors[199].id}`, '2.53')).body;
  assert.deepEqual([page.hypervisors.length, page.hypervisors_links[0].rel, rest.hypervisors.length], [200, 'next', 1]);
  assert.equal((await ask('?marker=nowhere', '2.53')).body.badRequest.message, 'marker [nowhere] not found');
});
