/** Property protections: what each role sees and changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPersonas } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-protections-'));
const file = join(folder, 'protections.conf');
writeFileSync(
  file,
  `[^billing_]
create = admin
read = admin,member
update = admin
delete = !
[^secret_]
create = @
read = admin
update = admin
delete = admin
[.*]
create = @
read = @
update = @
delete = @
`,
);
const fixture = await openRackFixture({ settings: { 'images.property_protections': file } });
after(async () => {
  await fixture.close();
  rmSync(folder, { recursive: true });
});
const personas = await createPersonas(fixture);
const headersOf = (persona: string) => personas.find(({ name }) => name === persona)!.headers;
const member = headersOf('member of the project');
const reader = headersOf('reader of the project');
const base = '/image/v2/images';

type Headers = Readonly<Record<string, string>>;
const create = (fields: object, headers: Headers = member) =>
  fixture.ask({ method: 'POST', url: base, payload: { name: 'i', ...fields }, headers });
const patch = (id: string, operation: object, headers: Headers = member) =>
  fixture.ask({
    method: 'PATCH',
    url: `${base}/${id}`,
    payload: JSON.stringify([operation]),
    headers: { ...headers, 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
const { project_id } = personas.find(({ name }) => name === 'member of the project')!;

test('a member sets no protected property, and an administrator does not delete what nobody may', async () => {
  const refused = await create({ billing_code: '1' });
  const { body: image } = await fixture.ask({
    method: 'POST',
    url: base,
    payload: { name: 'i', owner: project_id, billing_code: '1', free: 'a' },
  });
  const path = '/billing_code';

  assert.equal(refused.status, 403);
  assert.match(JSON.stringify(refused.body), /Attribute 'billing_code' is reserved/);
  for (const operation of [
    { op: 'replace', path, value: '2' },
    { op: 'add', path, value: '2' },
    { op: 'remove', path },
  ])
    assert.equal((await patch(image.id, operation)).status, 403, operation.op);
  assert.equal((await patch(image.id, { op: 'remove', path }, {})).status, 403);
  assert.equal((await patch(image.id, { op: 'replace', path, value: '2' }, {})).body.billing_code, '2');
  assert.equal((await patch(image.id, { op: 'remove', path: '/free' })).status, 200);
});

test('what a role may not read is not shown, not found by a filter, and does not exist for a change', async () => {
  const { body: image } = await create({ secret_key: 'k', billing: 'x' });
  const shown = async (headers?: Headers) =>
    (await fixture.ask({ url: `${base}/${image.id}`, ...(headers && { headers }) })).body;
  const found = async (query: string, headers?: Headers) =>
    (await fixture.ask({ url: `${base}?${query}`, ...(headers && { headers }) })).body.images.map(({ id }: { id: string }) => id);

  assert.equal('secret_key' in image, false);
  assert.deepEqual([(await shown(member)).secret_key, (await shown()).secret_key], [undefined, 'k']);
  assert.deepEqual([await found('secret_key=k', member), await found('secret_key=k')], [[], [image.id]]);
  assert.deepEqual(await found('billing=x', reader), [image.id]);
  assert.equal((await patch(image.id, { op: 'replace', path: '/secret_key', value: 'l' })).status, 409);
  assert.equal((await patch(image.id, { op: 'replace', path: '/name', value: 'j' })).status, 200);
  assert.equal((await shown()).secret_key, 'k');
});

test('a file that cannot be used ends the start', async () => {
  const broken = join(folder, 'broken.conf');
  writeFileSync(broken, '[a]\nread = @\n');

  await assert.rejects(
    openRackFixture({ settings: { 'images.property_protections': broken } }),
    /broken.conf, line 1: \[a\] must say/,
  );
});
