/** A project sees what belongs to its own nodes: requests every route as a member of a project that has none. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());

async function aMember(name: string): Promise<string> {
  const make = async (noun: string, fields: object) =>
    (await fixture.ask({ method: 'POST', url: `/identity/v3/${noun}s`, payload: { [noun]: fields } })).body[noun];
  const project = await make('project', { name });
  const user = await make('user', { name, password: 'secret' });
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project.id}/users/${user.id}/roles/member` });
  return fixture.logIn(name, 'secret', name);
}

const nodeRoutes = [
  'children',
  'events',
  'history',
  'inventory',
  'firmware',
  'bios',
  'operations',
  'ports',
  'states',
  'traits',
  'vmedia',
];
const routes: [method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string][] = [
  ...nodeRoutes.map((path) => ['GET', `nodes/{node}/${path}`] as ['GET', string]),
  ...['nodes', 'nodes/detail', 'nodes/{node}', 'ports', 'ports/detail', 'ports/left', 'shards', 'drivers'].map(
    (path) => ['GET', path] as ['GET', string],
  ),
  ...(['deploy_templates', 'inspection_rules'] as const).map((path) => ['GET', path] as ['GET', string]),
  ['POST', 'nodes'],
  ['PATCH', 'nodes/{node}'],
  ['DELETE', 'nodes/{node}'],
  ['POST', 'nodes/{node}/vmedia'],
  ['DELETE', 'nodes/{node}/vmedia'],
  ['PUT', 'nodes/{node}/states/power'],
  ['POST', 'ports'],
  ['PATCH', 'ports/left'],
  ['DELETE', 'ports/left'],
];

test('a member finds nothing at any route, at the oldest and newest version, whether or not the node exists', async () => {
  const headers = { 'x-auth-token': await aMember('mallory') };
  const payload = { driver: 'fake-hardware', name: 'hidden' };
  const { uuid } = (await fixture.ask({ method: 'POST', url: '/baremetal/v1/nodes', payload })).body;
  const ask = async (version: string, node: string) => {
    const refused: [string, number][] = [];
    for (const [method, path] of routes) {
      const url = `/baremetal/v1/${path.replace('{node}', node)}`;
      const reply = await fixture.ask({ method, url, headers: { ...headers, 'x-openstack-ironic-api-version': version } });
      refused.push([`${method} ${path}`, reply.status]);
      assert.doesNotMatch(JSON.stringify(reply.body), /hidden/);
      if (reply.status === 200) assert.deepEqual(Object.values(reply.body), [[]], path);
    }
    return refused;
  };

  const wanted = routes.map(([method, path]) => [`${method} ${path}`, statusOf(method, path)]);
  for (const version of ['1.1', '1.115']) for (const node of [uuid, 'nobody']) assert.deepEqual(await ask(version, node), wanted);
});

const lists = ['nodes', 'nodes/detail', 'ports', 'ports/detail'];

function statusOf(method: string, path: string): number {
  if (method === 'GET' && lists.includes(path)) return 200;
  const isOfNode = path.startsWith('nodes/{node}') && method !== 'DELETE';
  return isOfNode || path === 'nodes/{node}/vmedia' || (method === 'GET' && path === 'ports/left') ? 404 : 403;
}

test('names the forbidden path to a member, without its query', async () => {
  const headers = { 'x-auth-token': await aMember('oscar') };

  const { status, body } = await fixture.ask({ url: '/baremetal/v1/none?a=b', headers });

  assert.equal(status, 403);
  assert.match(JSON.parse(body.error_message).faultstring, /baremetal GET \/baremetal\/v1\/none to be performed/);
});
