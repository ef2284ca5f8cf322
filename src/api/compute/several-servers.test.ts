import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const servers = '/compute/v2.1/servers';
await fixture.store.flavors.insert(aFlavor());
const image = await fixture.store.images.insert(anImage());
const network = '11111111-2222-4333-8444-555555555555';

function ask(method: 'GET' | 'POST' | 'PUT', url: string, { minor = 90, payload }: { minor?: number; payload?: object } = {}) {
  return fixture.ask({ method, url, headers: { 'openstack-api-version': `compute 2.${minor}` }, ...(payload && { payload }) });
}

function create(fields: object) {
  const server = { name: 'Web 1', imageRef: image.id, flavorRef: 'f1', networks: 'none', ...fields };
  return ask('POST', servers, { payload: { server } });
}

test('numbers the servers of one request in name, host name and launch index', async () => {
  for (let left = 2; left > 0; left -= 1) {
    const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
    await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  }

  const { status } = await create({ name: 'Web.Front', min_count: 2 });
  await fixture.quiet();

  const all = (await ask('GET', `${servers}/detail`)).body.servers;
  const named = all.map((server: Record<string, unknown>) => [
    server['name'],
    server['OS-EXT-SRV-ATTR:hostname'],
    server['OS-EXT-SRV-ATTR:launch_index'],
  ]);
  assert.equal(status, 202);
  assert.deepEqual(named.sort(), [
    ['Web.Front-1', 'web-front-1', 0],
    ['Web.Front-2', 'web-front-2', 1],
  ]);
});

const onlyForOne: [what: string, fields: object, text: RegExp][] = [
  ['a port', { networks: [{ port: network }] }, /single configured port ID/],
  ['a fixed IP', { networks: [{ uuid: network, fixed_ip: '10.0.0.9' }] }, /max_count cannot be greater than 1 if an fixed_ip/],
  ['a host name', { hostname: 'web' }, /Unable to allocate a single hostname to multiple instances/],
];
for (const [what, fields, text] of onlyForOne) {
  for (const count of [{ min_count: 2 }, { max_count: 2 }, { min_count: '1', max_count: '2' }]) {
    test(`rejects ${what} with ${JSON.stringify(count)}`, async () => {
      const { status, body } = await create({ ...fields, ...count });

      assert.equal(status, 400);
      assert.match(body.badRequest.message, text);
    });
  }
}

for (const name of ['', ' ', '\t', '\u00a0\u2003']) {
  test(`rejects the name ${JSON.stringify(name)}`, async () => {
    const { status, body } = await create({ name });

    assert.equal(status, 400);
    assert.match(body.badRequest.message, /name/);
  });
}

test('rejects unknown query parameters since 2.75, and ignores them before', async () => {
  for (const path of [servers, `${servers}/detail`, '/compute/v2.1/flavors', '/compute/v2.1/os-keypairs']) {
    const old = await ask('GET', `${path}?flavour=f1&limit=1`, { minor: 74 });
    const { status, body } = await ask('GET', `${path}?flavour=f1&toString=x&limit=1`, { minor: 75 });

    assert.equal(old.status, 200);
    assert.equal(status, 400);
    assert.match(body.badRequest.message, /^Additional properties are not allowed \('flavour', 'toString' were unexpected\)$/);
  }
});

test('rejects invalid booleans and sort directions as Nova does', async () => {
  assert.equal((await create({ config_drive: 'maybe' })).status, 400);
  for (const query of ['all_tenants=maybe', 'sort_key=display_name&sort_dir=up', 'locked=maybe'])
    assert.equal((await ask('GET', `${servers}?${query}`)).status, 400, query);
  for (const query of ['all_tenants', 'all_tenants=1', 'all_tenants=False', 'sort_key=display_name&sort_dir=asc', 'locked=T'])
    assert.equal((await ask('GET', `${servers}?${query}`)).status, 200, query);
});
