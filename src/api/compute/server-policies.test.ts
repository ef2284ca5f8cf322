/** An operator's checks may compare the user of a server, as Nova's do: each route asks them about the server itself. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aServer } from '#test/a-task.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { createPersonas } from '#test/personas.ts';
import type { Row } from '../http/route.ts';
import { serverActionRoutes } from './server-actions.ts';
import { serverConsoleRoutes } from './server-console.ts';
import { serverHistoryRoutes } from './server-history.ts';
import { serverMetadataRoutes } from './server-metadata.ts';
import { serverPartRoutes } from './server-parts.ts';
import { serverRoutes } from './servers.ts';

const rows: readonly Row[] = [
  ...[...serverActionRoutes, ...serverConsoleRoutes, ...serverHistoryRoutes, ...serverMetadataRoutes, ...serverPartRoutes],
  ...serverRoutes,
].filter(({ path }) => path.startsWith('/servers/:id'));

const folder = mkdtempSync(join(tmpdir(), 'ingot-server-policies-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'policy.json');
const ownServers = 'rule:context_is_admin or role:member and user_id:%(user_id)s';
writeFileSync(file, JSON.stringify(Object.fromEntries(rows.map(({ policy }) => [policy, ownServers]))));

const fixture = await openApiFixture({ settings: { 'policy.file': file } });
after(() => fixture.close());
const personas = await createPersonas(fixture);
const [member, manager] = ['member of the project', 'manager of the project'].map((name) =>
  personas.find((persona) => persona.name === name),
);
assert.ok(member && manager);
const { id } = await fixture.store.servers.insert(
  aServer({ project_id: member.project_id, user_id: member.user_id, node_uuid: null, vm_state: 'active', task_state: null }),
);

/** Of rows whose schema wants more than an object. */
const bodies: Readonly<Record<string, object>> = {
  'PUT /servers/:id': { server: { name: 'new' } },
  'POST /servers/:id/metadata': { metadata: { k: 'v' } },
  'PUT /servers/:id/metadata': { metadata: { k: 'v' } },
  'PUT /servers/:id/metadata/:key': { meta: { k: 'v' } },
  'POST /servers/:id/remote-consoles': { remote_console: { protocol: 'serial', type: 'serial' } },
};
const argumentsOf: Readonly<Record<string, unknown>> = {
  reboot: { type: 'HARD' },
  rebuild: { imageRef: 'x' },
  addSecurityGroup: { name: 'x' },
  removeSecurityGroup: { name: 'x' },
};

async function ask({ method, path, action, since = 1 }: Row, headers: Readonly<Record<string, string>>) {
  const payload = action === undefined ? bodies[`${method} ${path}`] : { [action]: argumentsOf[action] ?? null };
  const url = `/compute/v2.1${path.replace(':id', id).replace(/:\w+/, 'k')}`;
  const version = { 'openstack-api-version': `compute 2.${since}` };
  return fixture.app.inject({ method, url, headers: { ...version, ...headers }, ...(payload && { payload }) });
}

for (const row of rows)
  test(`${row.method} ${row.path} ${row.action ?? ''} is denied for a server of another user by such a check`, async () => {
    const reply = await ask(row, manager.headers);

    assert.equal(reply.statusCode, 403, reply.body);
    assert.match(reply.body, new RegExp(`Policy doesn't allow ${RegExp.escape(String(row.policy))} to be performed`));
  });

test('what such a check allows about the own server is done', async () => {
  const show = rows.find(({ method, path }) => method === 'GET' && path === '/servers/:id');
  const rename = rows.find(({ method, path }) => method === 'PUT' && path === '/servers/:id/metadata');
  assert.ok(show && rename);

  assert.equal((await ask(show, member.headers)).statusCode, 200);
  assert.notEqual((await ask(rename, member.headers)).statusCode, 403);
});
