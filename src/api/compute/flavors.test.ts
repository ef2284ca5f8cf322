import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const base = '/compute/v2.1';
const version = (minor: number) => ({ 'openstack-api-version': `compute 2.${minor}` });

async function create(fields: object, minor = 1) {
  const flavor = { name: `flavor-${Math.random()}`, ram: 1024, vcpus: 2, disk: 10, ...fields };
  return fixture.ask({ method: 'POST', url: `${base}/flavors`, headers: version(minor), payload: { flavor } });
}

test('creates a flavor with the requested id and shows it', async () => {
  const created = await create({ name: 'metal', id: '42', swap: 512, 'OS-FLV-EXT-DATA:ephemeral': 7 });
  const shown = await fixture.ask({ url: `${base}/flavors/42` });

  assert.equal(created.status, 200);
  assert.deepEqual(shown.body, created.body);
  const { links, ...flavor } = shown.body.flavor;
  assert.deepEqual(flavor, {
    id: '42',
    name: 'metal',
    ram: 1024,
    vcpus: 2,
    disk: 10,
    swap: 512,
    'OS-FLV-EXT-DATA:ephemeral': 7,
    'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': true,
    rxtx_factor: 1,
  });
  assert.match(links[0].href, /\/compute\/v2\.1\/flavors\/42$/);
});

test('accepts numbers as text, and generates an id for auto', async () => {
  const { body } = await create({ id: 'auto', ram: '2048', vcpus: '4', disk: '20' });

  assert.match(body.flavor.id, /^[0-9a-f-]{36}$/);
  assert.equal(body.flavor.ram, 2048);
});

test('rejects sizes beyond 32 bits, as numbers and as text, so that no list fails on them', async () => {
  for (const field of ['ram', 'vcpus', 'disk', 'swap', 'OS-FLV-EXT-DATA:ephemeral'])
    for (const size of [2 ** 31, 2 ** 52, '2147483648', '12345678901234567890']) {
      const { status, body } = await create({ [field]: size });
      assert.equal(status, 400, `${field}: ${size}`);
      assert.equal(body.badRequest.message, `Invalid input for field/attribute flavor.${field}: it must be <= 2147483647.`);
    }
  assert.equal((await create({ vcpus: '0' })).status, 400);
  assert.equal((await create({ ram: 2 ** 31 - 1, disk: '0002147483647' })).status, 200);
  assert.equal((await fixture.ask({ url: `${base}/flavors/detail?minDisk=-1` })).status, 200);
});

test('rejects a duplicate name or id, and a flavor without memory', async () => {
  const { body } = await create({});

  assert.equal((await create({ name: body.flavor.name })).status, 409);
  assert.equal((await create({ id: body.flavor.id })).status, 409);
  assert.equal((await create({ ram: 0 })).status, 400);
  assert.equal((await create({ nonsense: 1 })).body.badRequest.code, 400);
});

test('changes its format with the microversion', async () => {
  const { id } = (await create({ description: 'for tests' }, 55)).body.flavor;
  const at = async (minor: number) => (await fixture.ask({ url: `${base}/flavors/${id}`, headers: version(minor) })).body.flavor;

  assert.equal('description' in (await at(54)), false);
  assert.equal((await at(55)).description, 'for tests');
  assert.equal('extra_specs' in (await at(60)), false);
  assert.deepEqual((await at(61)).extra_specs, {});
  assert.equal((await at(74)).swap, '');
  assert.equal((await at(75)).swap, 0);
});

test('sets, shows, replaces and removes extra specs', async () => {
  const { id } = (await create({})).body.flavor;
  const specs = `${base}/flavors/${id}/os-extra_specs`;

  const set = await fixture.ask({
    method: 'POST',
    url: specs,
    payload: { extra_specs: { cpu_arch: 's== x86_64', 'trait:CUSTOM_A': 'required' } },
  });
  await fixture.ask({ method: 'PUT', url: `${specs}/cpu_arch`, payload: { cpu_arch: 'aarch64' } });
  const removed = await fixture.ask({ method: 'DELETE', url: `${specs}/trait:CUSTOM_A` });

  assert.deepEqual(set.body.extra_specs, { cpu_arch: 's== x86_64', 'trait:CUSTOM_A': 'required' });
  assert.equal(removed.status, 200);
  assert.deepEqual((await fixture.ask({ url: specs })).body, { extra_specs: { cpu_arch: 'aarch64' } });
  assert.equal((await fixture.ask({ url: `${specs}/absent` })).status, 404);
});

test('checks the values of extra specs since 2.86', async () => {
  const { id } = (await create({})).body.flavor;
  const payload = { extra_specs: { 'trait:CUSTOM_A': 'perhaps' } };
  const set = (minor: number) =>
    fixture.ask({ method: 'POST', url: `${base}/flavors/${id}/os-extra_specs`, headers: version(minor), payload });

  assert.equal((await set(85)).status, 200);
  assert.equal((await set(86)).status, 400);
});

test('lists in pages with links to the next', async () => {
  const all = (await fixture.ask({ url: `${base}/flavors` })).body.flavors;

  const first = (await fixture.ask({ url: `${base}/flavors/detail?limit=2` })).body;
  const next = new URL(first.flavors_links[0].href);
  const second = (await fixture.ask({ url: `${next.pathname}${next.search}` })).body;

  assert.equal(first.flavors.length, 2);
  assert.deepEqual(
    [...first.flavors, ...second.flavors].map(({ id }: { id: string }) => id),
    all.slice(0, 4).map(({ id }: { id: string }) => id),
  );
});

test('hides a private flavor from the default list', async () => {
  const { id } = (await create({ 'os-flavor-access:is_public': false })).body.flavor;
  const isListed = async (query: string) =>
    (await fixture.ask({ url: `${base}/flavors${query}` })).body.flavors.some((flavor: { id: string }) => flavor.id === id);

  assert.equal(await isListed(''), false);
  assert.equal(await isListed('?is_public=None'), true);
  assert.equal(await isListed('?is_public=false'), true);
});

test('rejects unknown sort keys, even names that every object has', async () => {
  assert.equal((await fixture.ask({ url: `${base}/flavors?sort_key=constructor` })).status, 400);
});

test('deletes a flavor once', async () => {
  const { id } = (await create({})).body.flavor;

  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/flavors/${id}` })).status, 202);
  const again = await fixture.ask({ method: 'DELETE', url: `${base}/flavors/${id}` });
  assert.deepEqual(again.body, { itemNotFound: { code: 404, message: `Flavor ${id} could not be found.` } });
});
