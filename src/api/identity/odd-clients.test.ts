/** Requests reported of Keystone clients (docs/compatibility.md). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const base = '/identity/v3';
for (const name of ['a', 'b', 'c']) {
  await fixture.ask({ method: 'POST', url: `${base}/projects`, payload: { project: { name } } });
  await fixture.ask({ method: 'POST', url: `${base}/users`, payload: { user: { name, password: 'secret' } } });
}

/** As clients that use only markers: until an empty page. */
async function byMarkers(plural: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const marker = ids.length > 0 ? `&marker=${ids.at(-1)}` : '';
    const members = (await fixture.ask({ url: `${base}/${plural}?limit=2${marker}` })).body[plural];
    if (members.length === 0) return ids;
    assert.ok(members.length <= 2);
    ids.push(...members.map(({ id }: { id: string }) => id));
    assert.ok(ids.length < 100, 'it goes on for ever');
  }
}

/** As clients that follow links. */
async function byLinks(plural: string): Promise<string[]> {
  const ids: string[] = [];
  for (let url: string | null = `${base}/${plural}?limit=2`; url !== null; ) {
    const { body } = await fixture.ask({ url });
    ids.push(...body[plural].map(({ id }: { id: string }) => id));
    url = body.links.next && new URL(body.links.next).pathname + new URL(body.links.next).search;
  }
  return ids;
}

for (const plural of ['users', 'projects', 'services', 'endpoints', 'regions']) {
  test(`pages ${plural} by markers and links`, async () => {
    const { body } = await fixture.ask({ url: `${base}/${plural}` });
    const all = body[plural].map(({ id }: { id: string }) => id);

    assert.deepEqual(await byMarkers(plural), all);
    assert.deepEqual(await byLinks(plural), all);
    assert.equal(body.links.next, null);
    assert.deepEqual((await fixture.ask({ url: `${base}/${plural}?limit=0` })).body[plural], body[plural]);
    assert.equal((await fixture.ask({ url: `${base}/${plural}?marker=none` })).status, 400);
    assert.equal((await fixture.ask({ url: `${base}/${plural}?limit=-1` })).status, 400);
  });
}

test('an unknown filter leaves the catalogue unchanged', async () => {
  const { services } = (await fixture.ask({ url: `${base}/services?colour=red` })).body;
  const compute = (await fixture.ask({ url: `${base}/services?type=compute&limit=5` })).body.services;

  assert.equal(services.length, 5);
  assert.deepEqual(
    compute.map(({ type }: { type: string }) => type),
    ['compute'],
  );
});
