/** Metadata definitions: who sees and changes them, what a namespace contains, and their limits. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member } = await openTwoProjects();
after(() => fixture.close());
const base = '/image/v2/metadefs/namespaces';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Options = { payload?: object; headers?: Record<string, string> };
const ask = (method: Method, path: string, { payload, headers }: Options = {}) =>
  fixture.ask({ method, url: `${base}${path}`, ...(payload && { payload }), ...(headers && { headers }) });
const make = (payload: object) => ask('POST', '', { payload });
const messageOf = ({ body }: { body: unknown }) => JSON.stringify(body);

const property = { title: 'Cores', type: 'integer', minimum: 1, default: '1' };
const resourceType = { name: 'OS::Glance::Image', prefix: 'hw_', properties_target: 'image' };

test('a namespace is made with all that it defines, and prefixes names for a resource type', async () => {
  const object = { name: 'cpu', required: ['cores'], properties: { cores: property } };
  const contents = { objects: [object], tags: [{ name: 'fast' }], properties: { cores: property } };
  const made = await make({ namespace: 'Whole', visibility: 'public', ...contents, resource_type_associations: [resourceType] });
  assert.equal(made.status, 201, messageOf(made));

  const { body: shown } = await ask('GET', '/Whole');
  const { body: prefixed } = await ask('GET', '/Whole?resource_type=OS::Glance::Image');
  const { body: one } = await ask('GET', '/Whole/properties/hw_cores?resource_type=OS::Glance::Image');
  const { body: types } = await fixture.ask({ url: '/image/v2/metadefs/resource_types' });

  assert.deepEqual([shown.properties, shown.tags], [{ cores: property }, [{ name: 'fast' }]]);
  assert.deepEqual([shown.visibility, shown.protected, shown.self], ['public', false, '/v2/metadefs/namespaces/Whole']);
  assert.deepEqual(Object.keys(prefixed.properties), ['hw_cores']);
  assert.deepEqual([prefixed.objects[0].required, Object.keys(prefixed.objects[0].properties)], [['hw_cores'], ['hw_cores']]);
  assert.deepEqual(one, { ...property, name: 'cores' });
  assert.deepEqual(
    types.resource_types.map(({ name }: { name: string }) => name),
    ['OS::Glance::Image'],
  );
  assert.equal((await ask('GET', '/Whole/properties/cores?resource_type=OS::Glance::Image')).status, 404);
});

test('a namespace whose contents conflict is not made', async () => {
  const made = await make({ namespace: 'Half', tags: [{ name: 'a' }, { name: 'a' }] });

  assert.equal(made.status, 409);
  assert.match(messageOf(made), /A metadata tag with name=a already exists in namespace=Half/);
  assert.equal((await ask('GET', '/Half')).status, 404);
});

test('members see public namespaces alone, and change none', async () => {
  await make({ namespace: 'Hidden', objects: [{ name: 'o' }], tags: [{ name: 't' }], properties: { p: property } });
  await make({ namespace: 'Open', visibility: 'public', tags: [{ name: 't' }] });
  const asMember = { headers: member };

  const { body } = await ask('GET', '?limit=1000', asMember);
  const names = body.namespaces.map(({ namespace }: { namespace: string }) => namespace);
  assert.deepEqual([names.includes('Hidden'), names.includes('Open')], [false, true]);
  for (const path of ['', '/objects', '/objects/o', '/properties', '/properties/p', '/tags', '/tags/t', '/resource_types']) {
    const [hidden, unknown] = [await ask('GET', `/Hidden${path}`, asMember), await ask('GET', `/Nothing${path}`, asMember)];
    assert.deepEqual([hidden.status, unknown.status], [404, 404], path);
    assert.equal(messageOf(hidden).replaceAll('Hidden', 'Nothing'), messageOf(unknown), 'nothing tells that it is there');
  }
  assert.equal((await ask('GET', '?marker=Hidden', asMember)).status, 404);
  assert.equal((await ask('GET', '/Open/tags/t', asMember)).status, 200);
  for (const [method, path, payload] of [
    ['POST', '', { namespace: 'mine' }],
    ['PUT', '/Open', { namespace: 'mine' }],
    ['DELETE', '/Open'],
    ['POST', '/Open/tags/more'],
    ['DELETE', '/Open/tags'],
  ] as const)
    assert.equal((await ask(method, path, { ...asMember, ...(payload && { payload }) })).status, 403, `${method} ${path}`);
});

test('nothing is deleted from a protected namespace', async () => {
  const contents = { objects: [{ name: 'o' }], tags: [{ name: 't' }], properties: { p: property } };
  await make({ namespace: 'Kept', protected: true, ...contents, resource_type_associations: [resourceType] });
  const words = { objects: 'object o', properties: 'property p', tags: 'tag t' };

  for (const [path, what] of Object.entries(words)) {
    const one = await ask('DELETE', `/Kept/${path}/${what.at(-1)}`);
    assert.equal(one.status, 403);
    assert.match(messageOf(one), new RegExp(`Metadata definition ${what} is protected and cannot be deleted`));
    assert.equal((await ask('DELETE', `/Kept/${path}`)).status, 403);
  }
  assert.equal((await ask('DELETE', '/Kept/resource_types/OS::Glance::Image')).status, 403);
  assert.match(messageOf(await ask('DELETE', '/Kept')), /namespace Kept is protected and cannot be deleted/);

  await ask('PUT', '/Kept', { payload: { namespace: 'Kept' } });
  assert.equal((await ask('DELETE', '/Kept')).status, 204);
});

test('pages follow one another by the names of namespaces', async () => {
  for (const namespace of ['page1', 'page2', 'page3']) await make({ namespace, resource_type_associations: [{ name: 'Paged' }] });

  const first = await ask('GET', '?limit=2&resource_types=Paged,Other&sort_key=namespace&sort_dir=asc');
  const next = await fixture.ask({ url: `/image${first.body.next}` });

  const names = ({ body }: typeof first) => body.namespaces.map(({ namespace }: { namespace: string }) => namespace);
  assert.deepEqual([names(first), names(next)], [['page1', 'page2'], ['page3']]);
  assert.equal(next.body.next, undefined);
  assert.deepEqual(first.body.namespaces[0].resource_type_associations[0].name, 'Paged');
  assert.equal((await ask('GET', '?sort_key=protected')).status, 400);
  assert.equal((await ask('GET', '?visibility=shared')).status, 400);
});

test('tags are replaced, or added to', async () => {
  await make({ namespace: 'Tagged', tags: [{ name: 'old' }] });
  const tags = async () =>
    (await ask('GET', '/Tagged/tags?sort_key=name&sort_dir=asc')).body.tags.map((tag: { name: string }) => tag.name);
  const put = (name: string, headers = {}) => ask('POST', '/Tagged/tags', { payload: { tags: [{ name }] }, headers });

  await put('new');
  assert.deepEqual(await tags(), ['new']);
  await put('more', { 'x-openstack-append': 'True' });
  assert.deepEqual(await tags(), ['more', 'new']);
  assert.equal((await put('more', { 'x-openstack-append': 'True' })).status, 409);
  assert.deepEqual(await tags(), ['more', 'new']);
});

test('what Glance itself writes, and what is unknown, is refused', async () => {
  const odd = await make({ namespace: 'odd', created_at: 'now' });
  assert.deepEqual([odd.status, messageOf(odd).includes("Attribute 'created_at' is read-only.")], [403, true]);
  assert.equal((await make({ namespace: 'odd', more: 1 })).status, 400);
  assert.equal((await make({ namespace: 'n'.repeat(81) })).status, 400);
  assert.equal((await make({ namespace: 'odd', properties: { p: { type: 'integer' } } })).status, 400);
  assert.equal((await make({ namespace: 'odd', properties: { p: { ...property, required: ['a'] } } })).status, 400);
});

test('a namespace has bounds', async () => {
  await make({ namespace: 'Bounded' });
  const many = Array.from({ length: 1001 }, (_, index) => ({ name: `t${index}` }));
  assert.equal((await ask('POST', '/Bounded/tags', { payload: { tags: many } })).status, 400);
  const large = { name: 'large', title: 'x'.repeat(300 * 1024), type: 'string' };
  assert.equal((await ask('POST', '/Bounded/properties', { payload: large })).status, 201);

  const more = await ask('POST', '/Bounded/properties', { payload: { ...large, name: 'larger' } });

  assert.equal(more.status, 413);
  assert.equal((await ask('GET', '/Bounded/properties/larger')).status, 404);
});
