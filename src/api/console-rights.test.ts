/** A console token through the whole API: a user who lost access to the console cannot use it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { Engine } from '#engine/contract.ts';
import { aNode } from '#test/a-task.ts';
import { openApiFixture } from '#test/api-fixture.ts';
import { createPersonas, type Persona, type PersonaName } from '#test/personas.ts';

const engine = { attachConsole: async () => new Duplex({ read() {}, write: (_data, _encoding, done) => done() }) };

const key = Buffer.alloc(16).toString('base64');
const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key };

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

  const [reply] = (await once(get(second.replace(/^ws/, 'http'), { headers: upgrade }), 'response')) as [IncomingMessage];
  assert.equal(reply.statusCode, 403);
  open.close();
});

test("members of the owner's project use the console of their node, until it is another's", async (t) => {
  const fixture = await openApiFixture({ engine: () => engine as unknown as Engine });
  t.after(() => fixture.close());
  const { url } = await fixture.listen();
  const personas = await createPersonas(fixture);
  const persona = (name: PersonaName) => personas.find((each) => each.name === name) as Persona;
  const [member, other] = [persona('member of the project'), persona('member of the other project')];
  const { id: _, ...node } = { ...aNode(), console_enabled: true, owner: member.project_id, lessee: other.project_id };
  await fixture.store.nodes.insert(node);
  const ticketFor = (who: Persona) =>
    fixture.ask({
      url: `/baremetal/v1/nodes/${node.uuid}/states/console`,
      headers: { ...who.headers, host: new URL(url).host, 'x-openstack-ironic-api-version': '1.65' },
    });
  const [first, second] = [await ticketFor(member), await ticketFor(member)].map(({ body }) => body.console_info.url as string);

  const open = new WebSocket(String(first), 'binary');
  await once(open, 'open');
  open.close();
  const refused = await ticketFor(other);
  await fixture.store.nodes.update({ uuid: node.uuid }, { owner: other.project_id });
  const [reply] = (await once(get(String(second).replace(/^ws/, 'http'), { headers: upgrade }), 'response')) as [IncomingMessage];

  assert.deepEqual([refused.status, reply.statusCode], [403, 403]);
});
