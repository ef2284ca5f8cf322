/** Lists under the rules of an operator, which deny what the caller's project owns. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const folder = await mkdtemp(join(tmpdir(), 'ingot-policy-'));
const file = join(folder, 'policy.yaml');
await writeFile(file, '"get_network": "rule:context_is_admin"\n');
const fixture = await openApiFixture({ settings: { 'policy.file': file } });
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});

const make = async (name: string, project_id?: string): Promise<string> => {
  const network = { name, ...(project_id && { project_id }) };
  const { status, body } = await fixture.ask({ method: 'POST', url: '/network/v2.0/networks', payload: { network } });
  assert.equal(status, 201, JSON.stringify(body));
  return body.network.id;
};

test('links of a page name nothing that a rule hides', async () => {
  const { body } = await fixture.ask({
    method: 'POST',
    url: '/identity/v3/users',
    payload: { user: { name: 'u', password: 'a long password' } },
  });
  const { body: made } = await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name: 'p' } } });
  const project = made.project.id as string;
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project}/users/${body.user.id}/roles/member` });
  const headers = { 'x-auth-token': await fixture.logIn('u', 'a long password', 'p') };
  const ids = [await make('a', project), await make('b', project), await make('c', project)];

  const list = await fixture.ask({ url: '/network/v2.0/networks?limit=1', headers });
  assert.equal(list.status, 200);
  assert.deepEqual(list.body.networks, []);
  for (const id of ids) assert.ok(!JSON.stringify(list.body).includes(id));

  const seen = await fixture.ask({ url: '/network/v2.0/networks?limit=2' });
  assert.equal(seen.body.networks.length, 2);
  assert.match(JSON.stringify(seen.body.networks_links), new RegExp(seen.body.networks.at(-1).id));
});
