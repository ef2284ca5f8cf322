/** The catalogue: its built-in part stays, and what administrators add is in tokens. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

type Entry = { type: string; endpoints: { url: string; region: string; interface: string }[] };

async function catalogOfAdmin(): Promise<Map<string, Entry>> {
  const { catalog } = await identity.send('GET', 'auth/catalog');
  return new Map(catalog.map((entry: Entry) => [entry.type, entry]));
}

async function aService(type: string, fields: object = {}): Promise<string> {
  return (await identity.send('POST', 'services', { service: { type, name: type, ...fields } })).service.id;
}

test('a service with endpoints in a new region is in the catalogue of tokens', async () => {
  await identity.send('PUT', 'regions/north', { region: { description: 'd', parent_region_id: 'RegionOne' } });
  const service_id = await aService('object-store');
  const url = 'http://swift:8080/v1/AUTH_$(project_id)s';
  const fields = { service_id, interface: 'public', url, region_id: 'north' };
  const { endpoint } = await identity.send('POST', 'endpoints', { endpoint: fields });
  const project = (await identity.send('GET', 'projects?name=admin')).projects[0].id;

  const shown = (await catalogOfAdmin()).get('object-store')?.endpoints[0];
  assert.deepEqual([shown?.url, shown?.region, endpoint.url], [`http://swift:8080/v1/AUTH_${project}`, 'north', url]);
  const user = { name: 'admin', domain: { id: 'default' }, password: adminPassword };
  const password = { methods: ['password'], password: { user } };
  const { body } = await identity.logInBy(password, { system: { all: true } });
  assert.deepEqual(
    body.token.catalog.find(({ type }: Entry) => type === 'object-store').endpoints,
    [],
    'a token without a project has no such URL',
  );
  await identity.send('PATCH', `endpoints/${endpoint.id}`, { endpoint: { enabled: false } });
  assert.deepEqual((await catalogOfAdmin()).get('object-store')?.endpoints, []);
  await identity.send('PATCH', `services/${service_id}`, { service: { enabled: false } });
  assert.equal((await catalogOfAdmin()).get('object-store'), undefined);
  assert.equal(await identity.statusOf('DELETE', 'regions/north'), 403);
  await identity.send('DELETE', `services/${service_id}`);
  assert.equal(await identity.statusOf('GET', `endpoints/${endpoint.id}`), 404, 'it goes with its service');
  await identity.send('DELETE', 'regions/north');
});

test('a region under its former name is made with the endpoint, or not at all', async () => {
  const service_id = await aService('key-manager');
  const fields = { interface: 'public', url: 'http://barbican:9311', region: 'south' };
  assert.equal(await identity.statusOf('POST', 'endpoints', { endpoint: { ...fields, service_id: 'absent' } }), 400);
  assert.equal(await identity.statusOf('PATCH', 'endpoints/absent', { endpoint: { region: 'south' } }), 404);
  assert.equal(await identity.statusOf('GET', 'regions/south'), 404);
  const { endpoint } = await identity.send('POST', 'endpoints', { endpoint: { ...fields, service_id } });
  assert.equal(endpoint.region_id, 'south');
  assert.equal(await identity.statusOf('GET', 'regions/south'), 200);
  await identity.send('DELETE', `services/${service_id}`);
});

test('the built-in part can be neither changed nor deleted, but other endpoints of its services can be added', async () => {
  const before = await identity.send('GET', 'endpoints');
  for (const [path, body] of [
    ['services/compute', { service: { enabled: false } }],
    ['endpoints/compute-public', { endpoint: { url: 'http://elsewhere' } }],
    ['regions/RegionOne', { region: { description: 'x' } }],
  ] as const) {
    assert.match(await identity.messageOf('PATCH', path, body), /is Ingot's own: it follows the settings/);
    assert.equal(await identity.statusOf('DELETE', path), 403, path);
  }
  assert.equal(await identity.statusOf('PUT', 'regions/RegionOne', { region: {} }), 409);
  assert.deepEqual(await identity.send('GET', 'endpoints'), before);

  const added = { service_id: 'compute', interface: 'public', url: 'http://two', region: 'RegionTwo' };
  const { endpoint } = await identity.send('POST', 'endpoints', { endpoint: added });
  assert.equal((await identity.send('GET', 'regions/RegionTwo')).region.id, 'RegionTwo', 'made with the endpoint');
  const urls = (await catalogOfAdmin()).get('compute')?.endpoints.map(({ url }) => url);
  assert.deepEqual([urls?.length, urls?.at(-1)], [4, 'http://two']);
  await identity.send('DELETE', `endpoints/${endpoint.id}`);
});

test('what an endpoint names exists, and its URL makes sense in each token', async () => {
  const url = 'http://x';
  const create = (fields: object) =>
    identity.ask('POST', 'endpoints', { endpoint: { service_id: 'image', interface: 'public', url, ...fields } });
  assert.match(
    (await create({ service_id: 'none' })).body.error.message,
    /^Expecting to find endpoint service_id in service table/,
  );
  assert.match((await create({ region_id: 'none' })).body.error.message, /^Expecting to find endpoint region_id in region table/);
  for (const bad of ['http://x/%(password)s', 'http://x/%s', 'http://x/%(project_id)d', 'http://x/100%', '/relative'])
    assert.equal((await create({ url: bad })).status, 400, bad);
  assert.equal((await create({ interface: 'secret' })).status, 400);
  const { body } = await create({ url: 'http://x/%(user_id)s/100%%' });
  const shown = (await catalogOfAdmin()).get('image')?.endpoints.at(-1)?.url;
  assert.match(shown ?? '', /^http:\/\/x\/[0-9a-f]{32}\/100%$/);
  await identity.send('DELETE', `endpoints/${body.endpoint.id}`);
});

test('regions are a tree without circles, which is deleted as a whole', async () => {
  for (const [id, parent_region_id] of [
    ['a', null],
    ['b', 'a'],
    ['c', 'b'],
  ] as const)
    await identity.send('POST', 'regions', { region: { id, parent_region_id } });
  assert.equal(await identity.statusOf('PATCH', 'regions/a', { region: { parent_region_id: 'c' } }), 400);
  assert.equal(await identity.statusOf('PATCH', 'regions/a', { region: { parent_region_id: 'a' } }), 400);
  assert.equal(await identity.statusOf('POST', 'regions', { region: { id: 'b' } }), 409);
  assert.equal(await identity.statusOf('PUT', 'regions/d', { region: { id: 'e' } }), 400);
  assert.deepEqual(
    (await identity.send('GET', 'regions?parent_region_id=a')).regions.map(({ id }: { id: string }) => id),
    ['b'],
  );
  await identity.send('DELETE', 'regions/a');
  assert.equal(await identity.statusOf('GET', 'regions/c'), 404);
});

test('only administrators change the catalogue', async () => {
  const user = await identity.aUser('u');
  const project = await identity.aProject('p');
  await identity.send('PUT', `projects/${project}/users/${user}/roles/manager`);
  const token = await identity.tokenOf(user, { project: { id: project } });
  for (const [path, body] of [
    ['services', { service: { type: 'x' } }],
    ['regions', { region: { id: 'x' } }],
    ['endpoints', { endpoint: { service_id: 'image', interface: 'public', url: 'http://evil' } }],
  ] as const)
    assert.equal(await identity.statusOf('POST', path, body, token), 403, path);
});

test('further members of a request change nothing, and another id is refused', async () => {
  const [more, another] = [{ extra: 1 }, { id: 'identity' }];
  const { service } = await identity.send('POST', 'services', {
    service: { type: 'further', name: 'further', ...another, ...more },
  });
  const fields = { service_id: service.id, interface: 'public', url: 'http://further', ...another, ...more };
  const { endpoint } = await identity.send('POST', 'endpoints', { endpoint: fields });
  const changed = await identity.send('PATCH', `services/${service.id}`, { service: { name: 'other', ...more } });
  const moved = await identity.send('PATCH', `endpoints/${endpoint.id}`, { endpoint: { url: 'http://other', ...more } });

  assert.deepEqual(changed.service, { ...service, name: 'other' });
  assert.deepEqual(moved.endpoint, { ...endpoint, url: 'http://other' });
  assert.equal((await identity.send('GET', `endpoints/${endpoint.id}`)).endpoint.url, 'http://other');
  assert.equal(await identity.statusOf('PATCH', `services/${service.id}`, { service: another }), 400);
  assert.equal(await identity.statusOf('PATCH', `endpoints/${endpoint.id}`, { endpoint: another }), 400);
  assert.equal(await identity.statusOf('PATCH', `services/${service.id}`, { service: { id: service.id, name: 'same' } }), 200);
  await identity.send('DELETE', `services/${service.id}`);
});
