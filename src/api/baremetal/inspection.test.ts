/** Ironic's verb `inspect`, its states and their microversions. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ProvisionState } from '#domain/provision-states.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
let count = 0;

const ask = (method: 'GET' | 'PUT', path: string, minor: number, payload?: object) =>
  fixture.ask({
    ...{ method, url: `/baremetal/v1/nodes/${path}` },
    headers: { 'x-openstack-ironic-api-version': `1.${minor}` },
    ...(payload && { payload }),
  });
const go = (node: string, target: string, minor: number) => ask('PUT', `${node}/states/provision`, minor, { target });

async function aNode(provision_state: ProvisionState): Promise<string> {
  count += 1;
  const { uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', name: `inspected-${count}`, provision_state });
  return uuid;
}

test('inspect exists since 1.6 for manageable nodes; fake hardware is manageable again afterwards', async () => {
  const uuid = await aNode('manageable');
  assert.equal((await go(uuid, 'inspect', 5)).status, 406);
  assert.equal((await go(uuid, 'inspect', 6)).status, 202);
  await fixture.quiet();
  const { body } = await ask('GET', uuid, 109);
  assert.deepEqual([body.provision_state, body.last_error, body.inspect_interface], ['manageable', null, 'agent']);

  const refused = await go(await aNode('available'), 'inspect', 109);
  assert.equal(refused.status, 400);
  assert.match(JSON.parse(refused.body.error_message).faultstring, /"?inspect.* while it is in state 'available'/);
});

test('the inspect interface is chosen among those of the driver, and validated', async () => {
  const uuid = await aNode('manageable');
  const patch = (value: string) =>
    fixture.ask({
      ...{ method: 'PATCH', url: `/baremetal/v1/nodes/${uuid}` },
      headers: { 'x-openstack-ironic-api-version': '1.109' },
      payload: [{ op: 'replace', path: '/inspect_interface', value }],
    });

  assert.equal((await patch('redfish')).status, 400);
  assert.equal((await patch('no-inspect')).body.inspect_interface, 'no-inspect');
  const { body } = await ask('GET', `${uuid}/validate`, 109);
  assert.equal(body.inspect.result, false);
  assert.match(body.inspect.reason, /inspect/);
  assert.equal((await go(uuid, 'inspect', 109)).status, 400);
  assert.equal((await patch('agent')).body.inspect_interface, 'agent');
  assert.deepEqual((await ask('GET', `${uuid}/validate`, 109)).body.inspect, { result: true });
});

test('ramdisks are told without a token that they use the provisioning network, and nothing about nodes', async () => {
  const uuid = await aNode('inspect wait');
  const { address } = await fixture.engine.createNodePort({ node_uuid: uuid, address: '52:54:00:00:0a:01' });
  for (const [method, path] of [
    ['GET', `lookup?node_uuid=${uuid}&addresses=${address}`],
    ['GET', 'lookup?node_uuid=none'],
    ['POST', `heartbeat/${uuid}`],
    ['POST', 'continue_inspection'],
  ] as const) {
    const reply = await fixture.app.inject({
      ...{ method, url: `/baremetal/v1/${path}` },
      headers: { 'x-openstack-ironic-api-version': '1.115' },
      ...(method === 'POST' && { payload: { callback_url: 'https://192.0.2.1:9999', agent_token: 'x' } }),
    });

    assert.equal(reply.statusCode, 403, path);
    assert.match(reply.body, /Access was denied to the following resource: .*ipa-api-url/);
    assert.doesNotMatch(reply.body, new RegExp(`${uuid}|${address}`));
  }
});

test('clients before 1.39 see a waiting inspection as inspecting', async () => {
  const uuid = await aNode('inspect wait');
  for (const [minor, shown] of [
    [38, 'inspecting'],
    [39, 'inspect wait'],
  ] as const) {
    assert.equal((await ask('GET', uuid, minor)).body.provision_state, shown);
    assert.equal((await ask('GET', `${uuid}/states`, minor)).body.provision_state, shown);
  }
});

test('a waiting inspection can be aborted since 1.41, other operations since 1.13', async () => {
  const waiting = await aNode('inspect wait');
  assert.equal((await go(waiting, 'abort', 40)).status, 406);
  // No operation runs here: since 1.41 the verb is known, and refused for that reason.
  assert.equal((await go(waiting, 'abort', 41)).status, 400);
  assert.equal((await go(await aNode('clean wait'), 'abort', 13)).status, 400);
});
