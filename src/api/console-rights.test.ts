/** A console token through the whole API: a user who lost access to the console cannot use it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { Engine } from '#engine/contract.ts';
import { aNode } from '#test/a-task.ts';
import { openApiFixture } from '#test/api-fixture.ts';

const engine = { attachConsole: async () => new Duplex({ read() {}, write: (_data, _encoding, done) => done() }) };

const key = Buffer.alloc(16).toString('base64');

test('a ticket opens a console only while its owner has the role', async (t) => {
  const fixture = await openApiFixture({ engine: () => engine as unknown as Engine });
  t.after(() => fixture.close());
  const { url } = await fixture.listen();
  const { id: _, ...node } = { ...aNode(), console_enabled: true };
  await fixture.store.nodes.insert(node);
  const identity = '/identity/v3';
  const made = await fixture.ask({ method: 'POST', url: `${identity}/users`, payload: { user: { name: 'op', password: 'pw' } } });
  const [project] = await fixture.store.projects.list();
  const role = `${identity}/projects/${project?.id}/users/${made.body.user.id}/roles/admin`;
  await fixture.ask({ method: 'PUT', url: role });
  const headers = { 'x-auth-token': await fixture.logIn('op', 'pw', project?.name), host: new URL(url).host };
  const aTicket = async () =>
    (await fixture.ask({ url: `/baremetal/v1/nodes/${node.uuid}/states/console`, headers })).body.console_info.url as string;
  const [first, second] = [await aTicket(), await aTicket()];

  const open = new WebSocket(first, 'binary');
  await once(open, 'open');
  await fixture.ask({ method: 'DELETE', url: role });
  await fixture.ask({ method: 'PUT', url: role });

  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key };
  const [reply] = (await once(get(second.replace(/^ws/, 'http'), { headers: upgrade }), 'response')) as [IncomingMessage];
  assert.equal(reply.statusCode, 403);
  open.close();
});
