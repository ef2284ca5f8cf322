/** Lists of the image service: filters, sort keys and pages of Glance (glance/api/v2/images.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: headers, own } = await openTwoProjects();
after(() => fixture.close());
const url = '/image/v2/images';

const row = await fixture.store.images.find({ id: own['images'] ?? '' });
await fixture.store.images.remove({});
const rows = [
  { id: 'a', name: 'one', size: 10, visibility: 'public', tags: ['x', 'y'], properties: { os: 'linux' } },
  { id: 'b', name: 'two', size: null, visibility: 'private', tags: ['x'], properties: { os: 'bsd, or "so"' } },
  { id: 'c', name: null, size: 30, visibility: 'community', tags: [], properties: {}, owner: 'other' },
  { id: 'd', name: 'four', size: 20, visibility: 'community', protected: true, tags: [], properties: {} },
  { id: 'e', name: 'five', size: 5, visibility: 'shared', tags: [], properties: {}, owner: 'other' },
];
for (const [index, fields] of rows.entries()) {
  const time = `2026-11-01T00:00:0${index}.500Z`;
  await fixture.store.images.insert({ ...row, ...fields, created_at: time, updated_at: time });
}

async function idsOf(query: string): Promise<string> {
  const { status, body } = await fixture.ask({ url: `${url}?${query}`, headers });
  assert.equal(status, 200, JSON.stringify(body));
  return body.images.map(({ id }: { id: string }) => id).join('');
}

const lists: [query: string, ids: string][] = [
  ['', 'dba'],
  ['visibility=all', 'dcba'],
  ['visibility=community', 'dc'],
  ['visibility=shared', ''],
  ['tag=x&tag=y', 'a'],
  ['os=linux', 'a'],
  ['os=in:linux,none', 'a'],
  ['os=in:%22linux%22', 'a'],
  ['os=none', ''],
  ['name=in:one,two', 'ba'],
  ['name=&visibility=all', 'c'],
  ['size_min=10', 'da'],
  ['size_max=10', 'ba'],
  ['size=20', 'd'],
  ['protected=true', 'd'],
  ['protected=False', 'ba'],
  ['os_hidden=true', ''],
  ['created_at=gt:2026-11-01T00:00:01Z', 'd'],
  ['created_at=gte:2026-11-01T00:00:01Z', 'db'],
  ['created_at=lte:2026-11-01T00:00:01', 'ba'],
  ['created_at=eq:2026-11-01T00:00:01Z', 'b'],
  ['created_at=neq:2026-11-01T00:00:01Z', 'da'],
  ['created_at=gte:2026-11-01T00:00:01Z&created_at=lt:2026-11-01T00:00:02Z', 'b'],
  ['sort=name:asc', 'dab'],
  ['sort=size', 'dab'],
  ['sort=status:asc,name:desc', 'bad'],
  ['sort_key=name&sort_dir=asc', 'dab'],
  ['sort_key=name&sort_key=id&sort_dir=asc', 'dab'],
  ['sort_dir=asc', 'abd'],
  ['limit=0', ''],
  ['limit=2', 'db'],
  ['limit=2&marker=b', 'a'],
  ['sort=name:asc&limit=1&marker=d', 'a'],
];
for (const [query, ids] of lists) {
  test(`images?${query}`, async () => {
    assert.equal(await idsOf(query), ids);
  });
}

const refusals: [query: string, message: RegExp][] = [
  ['visibility=secret', /^Invalid visibility value: secret/],
  ['member_status=rejecting', /^Invalid status: rejecting/],
  ['os_hidden=perhaps', /^Invalid value 'perhaps' for 'os_hidden' filter/],
  ['protected=perhaps', /^Invalid value 'perhaps' for 'protected' filter/],
  ['sort=colour', /^Invalid sort key: colour\. It must be one of the following: /],
  ['sort=checksum', /^Invalid sort key: checksum/],
  ['sort=name:up', /^Invalid sort direction: up/],
  ['sort=name&sort_key=name', /^Old and new sorting syntax cannot be combined/],
  ['sort_key=name&sort_key=id&sort_dir=asc&sort_dir=asc&sort_dir=asc', /^Number of sort dirs does not match/],
  ['marker=e', /^Marker e could not be found/],
];
for (const [query, message] of refusals) {
  test(`images?${query} is rejected`, async () => {
    const { status, body } = await fixture.ask({ url: `${url}?${query}`, headers });

    assert.equal(status, 400);
    assert.match(body.error.message, message);
  });
}

test('pages follow each other with the filter and the order of the request', async () => {
  const walked: string[] = [];
  for (let next: string | undefined = '/v2/images?sort=name:asc&limit=1'; next; ) {
    const { body } = await fixture.ask({ url: `/image${next}`, headers });
    walked.push(...body.images.map(({ id }: { id: string }) => id));
    next = body.next;
  }

  assert.equal(walked.join(''), 'dab');
});
