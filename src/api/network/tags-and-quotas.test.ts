/** Tags, revisions, requests for several resources, and quotas (neutron/extensions/{tagging,quotasv2}.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, path: string, payload?: object, headers: object = {}) =>
  fixture.ask({ method, url: `${base}${path}`, headers: { ...headers }, ...(payload && { payload }) });
const typeOf = ({ body }: { body: { NeutronError?: { type: string } } }) => body.NeutronError?.type;

for (const plural of ['networks', 'subnets', 'ports', 'security-groups']) {
  test(`tags of ${plural}`, async () => {
    const path = `/${plural}/${own[plural]}`;
    const name = plural.replaceAll('-', '_');
    const found = async (query: string) =>
      (await ask('GET', `/${plural}?${query}`, undefined, member)).body[name].some(
        ({ id }: { id: string }) => id === own[plural],
      );

    assert.deepEqual((await ask('PUT', `${path}/tags`, { tags: ['red', 'blue'] }, member)).body, { tags: ['red', 'blue'] });
    assert.equal((await ask('PUT', `${path}/tags/green`, undefined, member)).status, 201);
    assert.equal((await ask('POST', `${path}/tags`, { tags: ['white'] }, member)).status, 201);
    const shown = (await ask('GET', path, undefined, member)).body[name.slice(0, -1)];
    assert.deepEqual(shown.tags, ['blue', 'green', 'red', 'white']);
    assert.ok(shown.revision_number >= 4);
    assert.equal((await ask('GET', `${path}/tags/green`, undefined, member)).status, 204);
    assert.equal((await ask('DELETE', `${path}/tags/green`, undefined, member)).status, 204);
    assert.equal(typeOf(await ask('DELETE', `${path}/tags/green`, undefined, member)), 'TagNotFound');
    assert.deepEqual(
      [
        await found('tags=red,blue'),
        await found('tags=red,green'),
        await found('tags-any=green,blue'),
        await found('not-tags=red,green'),
      ],
      [true, false, true, true],
    );
    assert.deepEqual([await found('not-tags-any=green,blue'), await found('not-tags-any=green')], [false, true]);
    const many = Array.from({ length: 51 }, (_, index) => `t${index}`);
    assert.equal((await ask('PUT', `${path}/tags`, { tags: many }, member)).status, 400);
    assert.equal((await ask('PUT', `${path}/tags`, { tags: ['a', 'a'] }, member)).status, 400);
    assert.equal((await ask('DELETE', `${path}/tags`, undefined, member)).status, 204);
    assert.deepEqual((await ask('GET', `${path}/tags`, undefined, member)).body, { tags: [] });
    assert.equal(typeOf(await ask('PUT', `/${plural}/${others[plural]}/tags/mine`, undefined, member)), 'TagResourceNotFound');
  });
}

test('several resources are made by one request, or none', async () => {
  const several = { networks: [{ name: 'bulk-1' }, { name: 'bulk-2', description: 'second' }] };
  const made = await ask('POST', '/networks', several, member);
  const [one, two] = made.body.networks;
  assert.deepEqual([made.status, one.name, two.description], [201, 'bulk-1', 'second']);

  const subnet = (network_id: string, cidr: string) => ({ network_id, ip_version: 4, cidr });
  const overlapping = { subnets: [subnet(one.id, '10.70.0.0/24'), subnet(one.id, '10.70.0.0/25')] };
  assert.equal((await ask('POST', '/subnets', overlapping, member)).status, 400);
  assert.deepEqual((await ask('GET', `/subnets?network_id=${one.id}`, undefined, member)).body.subnets, []);
  const apart = { subnets: [subnet(one.id, '10.70.0.0/30'), subnet(two.id, '10.70.1.0/24')] };
  assert.equal((await ask('POST', '/subnets', apart, member)).status, 201);
  const ports = (count: number) => ({ ports: Array.from({ length: count }, () => ({ network_id: one.id, tags: ['bulk'] })) });
  assert.equal(typeOf(await ask('POST', '/ports', ports(2), member)), 'IpAddressGenerationFailure');
  assert.deepEqual((await ask('GET', '/ports?tags=bulk', undefined, member)).body.ports, []);
  assert.deepEqual((await ask('POST', '/ports', ports(1), member)).body.ports[0].tags, ['bulk']);
  for (const body of [{}, { networks: [] }, { network: null }, { networks: Array.from({ length: 101 }, () => ({})) }])
    assert.equal((await ask('POST', '/networks', body, member)).status, 400, JSON.stringify(body).slice(0, 40));
  const elsewhere = { ports: [{ network_id: two.id }, { network_id: others['networks'] }] };
  assert.equal((await ask('POST', '/ports', elsewhere, member)).status, 404);
  assert.deepEqual((await ask('GET', `/ports?network_id=${two.id}`, undefined, member)).body.ports, []);
});

test('each change of a network and its subnets is another revision', async () => {
  const revision = async () => (await ask('GET', `/networks/${own['networks']}`, undefined, member)).body.network.revision_number;
  const before = await revision();
  await ask('PUT', `/networks/${own['networks']}`, { network: { description: 'changed' } }, member);
  await ask('PUT', `/subnets/${own['subnets']}`, { subnet: { name: 'changed' } }, member);
  assert.equal(await revision(), before + 2);
  for (const plural of ['networks', 'subnets', 'ports'] as const) {
    const stale = { ...member, 'if-match': 'revision_number=0' };
    const refused = await ask('PUT', `/${plural}/${own[plural]}`, { [plural.slice(0, -1)]: { name: 'stale' } }, stale);
    assert.deepEqual([refused.status, typeOf(refused)], [412, 'RevisionNumberConstraintFailed']);
    assert.equal((await ask('DELETE', `/${plural}/${own[plural]}`, undefined, stale)).status, 412);
  }
});

test('of simultaneous changes that depend on a revision, one is made', async () => {
  const { network } = (await ask('POST', '/networks', { network: { name: 'race' } }, member)).body;
  const headers = { ...member, 'if-match': `revision_number=${network.revision_number}` };
  const changes = ['a', 'b', 'c'].map((name) => ask('PUT', `/networks/${network.id}`, { network: { name } }, headers));
  const statuses = (await Promise.all(changes)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 412, 412]);
});

test('an administrator sets quotas, which hold, and resets them', async () => {
  const path = `/quotas/${own['projects']}`;
  const used = (await ask('GET', `${path}/details`, undefined, member)).body.quota.port.used;
  const set = (quota: object) => ask('PUT', path, { quota });

  assert.equal((await ask('PUT', path, { quota: { port: 1000 } }, member)).status, 403);
  assert.equal((await ask('GET', `/quotas/${others['projects']}`, undefined, member)).status, 403);
  assert.equal((await ask('GET', `${path}/details.json`, undefined, member)).body.quota.port.used, used);
  assert.equal((await set({ port: 0 })).status, 400, 'more are in use');
  assert.equal((await set({ port: 0, force: true })).status, 200);
  for (const quota of [{ port: -2 }, { port: 'many' }, { ship: 1 }, { port: 2 ** 31 }])
    assert.equal((await set(quota)).status, 400, JSON.stringify(quota));
  assert.equal((await set({ port: used + 1 })).body.quota.port, used + 1);
  const port = { port: { network_id: own['networks'] } };
  const statuses = await Promise.all([1, 2, 3].map(async () => (await ask('POST', '/ports', port, member)).status));
  assert.deepEqual(statuses.sort(), [201, 409, 409]);
  assert.equal(
    (await ask('POST', '/ports', { port: { ...port.port, project_id: own['projects'] } })).status,
    409,
    'for administrators, too',
  );
  assert.deepEqual(
    (await ask('GET', '/quotas')).body.quotas.map(({ project_id, port: most }: { project_id: string; port: number }) => [
      project_id,
      most,
    ]),
    [[own['projects'], used + 1]],
  );
  assert.equal((await ask('GET', `${path}/default`, undefined, member)).body.quota.port, 500);
  assert.equal((await ask('DELETE', path)).status, 204);
  assert.equal(typeOf(await ask('DELETE', path)), 'ProjectQuotaNotFound');
  assert.equal((await ask('GET', path, undefined, member)).body.quota.port, 500);
});
