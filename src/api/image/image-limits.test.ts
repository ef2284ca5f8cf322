import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await openApiFixture();
});
after(() => fixture.close());

const base = '/image/v2/images';
const create = (fields: object) => fixture.ask({ method: 'POST', url: base, payload: fields });
const patch = (id: string, operations: object[]) =>
  fixture.ask({
    method: 'PATCH',
    url: `${base}/${id}`,
    payload: JSON.stringify(operations),
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
const count = (length: number, of: (at: number) => object) => Array.from({ length }, (_, at) => of(at));
const adding = (length: number, value = 'v') => count(length, (at) => ({ op: 'add', path: `/p${at}`, value }));
const named = (length: number, value = 'v') => Object.assign({}, ...count(length, (at) => ({ [`p${at}`]: value })));
const statusOf = async (reply: Promise<{ status: number }>) => (await reply).status;

test('rejects a patch of thousands of operations before applying any', async () => {
  const { body } = await create({});

  const huge = await patch(body.id, adding(8_000));
  const large = await patch(body.id, adding(1_025));
  const most = await patch(
    body.id,
    count(1_024, () => ({ op: 'add', path: '/same', value: 'v' })),
  );

  assert.equal(huge.status, 413);
  assert.equal(large.status, 400);
  assert.match(large.body.error.message, /1024/);
  assert.deepEqual([most.status, most.body.same], [200, 'v']);
});

test('limits an image to 128 properties and 128 tags on every route (413, as Glance)', async () => {
  const { body } = await create(named(128));
  const tags = count(128, (at) => `t${at}` as never);

  const statuses = await Promise.all([
    statusOf(create(named(129))),
    statusOf(patch(body.id, adding(129))),
    statusOf(patch(body.id, [{ op: 'add', path: '/another', value: 'v' }])),
    statusOf(patch(body.id, [{ op: 'replace', path: '/tags', value: [...tags, 'more'] }])),
    statusOf(create({ tags: [...tags, 'more'] })),
  ]);
  const exchanged = await patch(body.id, [
    { op: 'remove', path: '/p0' },
    { op: 'add', path: '/another', value: 'v' },
    { op: 'replace', path: '/tags', value: tags },
  ]);
  const oneMore = await fixture.ask({ method: 'PUT', url: `${base}/${body.id}/tags/more` });

  assert.deepEqual(statuses, [413, 413, 413, 413, 413]);
  assert.equal(exchanged.status, 200);
  assert.equal(oneMore.status, 413);
});

test('limits the size of names, values and all properties together', async () => {
  const { body } = await create(named(3, 'x'.repeat(65_535)));

  assert.equal(await statusOf(create({ p: 'x'.repeat(65_536) })), 400);
  assert.equal(await statusOf(patch(body.id, [{ op: 'add', path: '/p', value: 'x'.repeat(65_536) }])), 400);
  assert.equal(await statusOf(create({ ['n'.repeat(256)]: 'v' })), 400);
  assert.equal(await statusOf(create(named(5, 'x'.repeat(60_000)))), 413);
  assert.equal(await statusOf(patch(body.id, [{ op: 'add', path: '/p', value: 'x'.repeat(65_535) }])), 413);
});

test('an image beyond the limits can be made smaller', async () => {
  const { body } = await create({});
  await fixture.store.images.update({ id: body.id }, { properties: named(300) });

  const smaller = await patch(body.id, [{ op: 'remove', path: '/p0' }]);
  const larger = await patch(body.id, [{ op: 'add', path: '/more', value: 'v' }]);

  assert.deepEqual([smaller.status, larger.status], [200, 413]);
});

test('shortens a page of images with large properties, and continues on the next one', async () => {
  await fixture.store.images.remove({});
  const value = 'x'.repeat(60_000);
  for (let at = 0; at < 30; at++)
    assert.equal(await statusOf(create({ name: `large ${at}`, ...named(4, value), parity: String(at % 2) })), 201);
  const seen: string[] = [];

  let url = '/v2/images?limit=1000&sort=name:asc&parity=1';
  let pages = 0;
  for (; url; pages++) {
    const { body } = await fixture.ask({ url: `/image${url}` });
    seen.push(...body.images.map((image: { name: string }) => image.name));
    url = body.next ?? '';
  }
  const first = await fixture.ask({ url: base });

  assert.equal(seen.length, 15);
  assert.equal(new Set(seen).size, 15);
  assert.ok(pages > 1, `${pages} pages`);
  assert.ok(JSON.stringify(first.body).length < 3 * 1024 * 1024);
});

test('returns 25 images by default, as Glance', async () => {
  await fixture.store.images.remove({});
  for (let at = 0; at < 26; at++) await create({ name: `i${at}` });

  const standard = await fixture.ask({ url: base });
  const more = await fixture.ask({ url: `${base}?limit=100` });

  assert.equal(standard.body.images.length, 25);
  assert.ok(standard.body.next);
  assert.deepEqual([more.body.images.length, more.body.next], [26, undefined]);
});
