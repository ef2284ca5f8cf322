/** Requests reported of Glance clients (docs/compatibility.md). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const base = '/image/v2/images';
const newer = 'application/openstack-images-v2.1-json-patch';
const older = 'application/openstack-images-v2.0-json-patch';

async function anImage(fields: object = {}) {
  return (await fixture.ask({ method: 'POST', url: base, payload: { name: 'image', ...fields } })).body;
}

const patch = (id: string, payload: unknown, type: string) =>
  fixture.ask({ method: 'PATCH', url: `${base}/${id}`, payload: JSON.stringify(payload), headers: { 'content-type': type } });

test('accepts the operations of the older media type', async () => {
  const { id } = await anImage({ colour: 'red', shape: 'round' });
  const operations = [
    { replace: '/name', value: 'renamed' },
    { add: '/weight', value: '5' },
    { replace: '/colour', value: 'blue' },
    { remove: '/shape' },
  ];

  const { status, body } = await patch(id, operations, older);

  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.name, body.weight, body.colour, body.shape], ['renamed', '5', 'blue', undefined]);
});

test('rejects unknown operations', async () => {
  const { id } = await anImage();
  const odd = [
    [{ replace: '/name', add: '/name', value: 'a' }],
    [{ copy: '/name', value: 'a' }],
    [{ replace: '/name' }],
    ['replace'],
    [null],
    {},
  ];

  for (const operations of odd) assert.equal((await patch(id, operations, older)).status, 400, JSON.stringify(operations));
});

test('rejects an unsupported media type with the supported ones, and accepts these in one header', async () => {
  const { id } = await anImage();
  const operations = [{ op: 'replace', path: '/name', value: 'renamed' }];

  const refused = await patch(id, operations, 'application/xml');
  const all = await patch(id, operations, `${older}, ${newer}`);
  const withCharset = await patch(id, operations, `${newer}; charset=UTF-8`);

  assert.equal(refused.status, 415);
  assert.deepEqual(String(refused.headers['accept-patch']).split(', '), [newer, older]);
  assert.deepEqual([all.status, all.body.name, withCharset.status], [200, 'renamed', 200]);
});

test('explains what is wrong with a value', async () => {
  const { id } = await anImage();
  const message = async (path: string, value: unknown) =>
    (await patch(id, [{ op: 'replace', path, value }], newer)).body.error.message;

  assert.match(await message('/min_disk', '1'), /min_disk: it must be integer/);
  assert.match(await message('/protected', 'true'), /protected: it must be boolean/);
  assert.match(await message('/tags', 'a'), /tags: it must be array/);
});

test('compares times by gt, gte, lt, lte, eq and neq', async () => {
  const ids: Record<string, string> = {};
  for (const [name, created_at] of Object.entries({ early: '2026-01-01T10:00:00.900Z', late: '2026-01-01T10:00:01.100Z' })) {
    const { id } = await anImage({ name, mark: 'timed' });
    ids[name] = id;
    await fixture.store.images.update({ id }, { created_at, updated_at: created_at });
  }
  const found = async (query: string) => {
    const { body } = await fixture.ask({ url: `${base}?mark=timed&sort=created_at:asc&${query}` });
    return body.images?.map(({ name }: { name: string }) => name);
  };
  const rows: [query: string, names: string[]][] = [
    ['created_at=gt:2026-01-01T10:00:00Z', ['late']],
    ['created_at=gte:2026-01-01T10:00:00Z', ['early', 'late']],
    ['created_at=lt:2026-01-01T10:00:01', ['early']],
    ['created_at=lte:2026-01-01T10:00:01.000Z', ['early', 'late']],
    ['created_at=2026-01-01T10:00:00Z', ['early']],
    ['updated_at=eq:2026-01-01T12:00:01%2B02:00', ['late']],
    ['updated_at=neq:2026-01-01T10:00:01Z', ['early']],
    ['created_at=gt:2026-01-01&created_at=lt:2026-01-02', ['early', 'late']],
    ['created_at=gt:2026-01-02', []],
  ];

  for (const [query, names] of rows) assert.deepEqual(await found(query), names, query);
  for (const query of ['created_at=gt:soon', 'created_at=in:2026-01-01', 'updated_at=', 'created_at=gt:2026-13-45T00:00:00Z'])
    assert.equal((await fixture.ask({ url: `${base}?${query}` })).status, 400, query);
});
