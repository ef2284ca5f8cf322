import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const nodes = '/baremetal/v1/nodes';

const { ask, enrol } = nodeRequests(fixture);

test("sets maintenance at creation and by a patch, in oslo's spellings", async () => {
  const { uuid, maintenance } = await enrol({ maintenance: 'True' });
  const set = (value: unknown) => ask('PATCH', uuid, [{ op: 'replace', path: '/maintenance', value }]);

  const off = (await set('no')).body;
  await ask('PUT', `${uuid}/maintenance`, { reason: 'fan' });
  const still = (await set(true)).body;
  const ended = (await set(false)).body;

  assert.equal(maintenance, true);
  assert.equal(off.maintenance, false);
  assert.deepEqual([still.maintenance, still.maintenance_reason], [true, 'fan']);
  assert.deepEqual([ended.maintenance, ended.maintenance_reason, ended.fault], [false, null, null]);
});

test('sets maintenance while an operation has locked the node', async () => {
  const { uuid } = await enrol();
  await fixture.store.nodes.update({ uuid }, { operation_id: 'one that runs' });

  const { status, body } = await ask('PATCH', uuid, [{ op: 'add', path: '/maintenance', value: true }]);
  const other = await ask('PATCH', uuid, [{ op: 'add', path: '/extra/a', value: 1 }]);

  await fixture.store.nodes.update({ uuid }, { operation_id: null });
  assert.deepEqual([status, body.maintenance, other.status], [200, true, 409]);
});

const unknownParts: [
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body: object | undefined,
  text: RegExp,
][] = [
  ['POST', '', { driver: 'fake-hardware', colour: 'red' }, /Additional properties are not allowed \('colour' was unexpected\)/],
  ['POST', '', { driver: 'fake-hardware', protected: false }, /'protected' was unexpected/],
  ['POST', '', { driver: 'fake-hardware', provision_state: 'active' }, /'provision_state' was unexpected/],
  ['POST', '/baremetal/v1/ports', { address: '52:54:00:00:00:01', node_uuid: 'x', speed: 1 }, /'speed' was unexpected/],
  ['PUT', '{node}/states/power', { target: 'power on', force: true }, /Unexpected arguments: force/],
  ['PUT', '{node}/maintenance', { reasn: 'fan' }, /Unexpected arguments: reasn/],
  ['GET', '?maintenence=true', undefined, /Unexpected arguments: maintenence/],
  ['GET', 'detail?maintenance=perhaps', undefined, /Invalid maintenance: Unrecognized value "perhaps"/],
  ['GET', '{node}?feilds=name', undefined, /Unexpected arguments: feilds/],
  ['GET', '{node}/states?x=1&__proto__=2', undefined, /Unexpected arguments: x, __proto__/],
  ['GET', '/baremetal/v1/ports?mac=52:54:00:00:00:01', undefined, /Unexpected arguments: mac/],
  ['GET', '/baremetal/v1/drivers?name=ipmi', undefined, /Unexpected arguments: name/],
  ['DELETE', '{node}?force=true', undefined, /Unexpected arguments: force/],
  ['PATCH', '{node}?reset_interfaces=True', [{ op: 'add', path: '/extra/a', value: 1 }], /only be used when changing/],
];
for (const [method, path, payload, text] of unknownParts) {
  test(`rejects unknown input: ${method} ${path} ${JSON.stringify(payload) ?? ''}`, async () => {
    const { uuid } = await enrol();

    const { status, body } = await ask(method, path.startsWith('?') ? `${nodes}${path}` : path.replace('{node}', uuid), payload);

    assert.equal(status, 400);
    assert.match(textOf(body), text);
  });
}

test("accepts oslo's spellings of booleans in a query", async () => {
  const { uuid } = await enrol({ maintenance: 'on', resource_class: 'flags' });
  const found = async (query: string) =>
    (await ask('GET', `${nodes}?resource_class=flags&${query}`)).body.nodes.map((each: { uuid: string }) => each.uuid);

  assert.deepEqual(await found('maintenance=Yes'), [uuid]);
  assert.deepEqual(await found('maintenance=t'), [uuid]);
  assert.deepEqual(await found('maintenance=OFF'), []);
});

test('accepts flags as text, and the defaults of fixed fields, on a new node', async () => {
  const node = await enrol({
    retired: 'False',
    automated_clean: 'true',
    instance_uuid: null,
    network_data: {},
    properties: null,
  });

  assert.deepEqual([node.retired, node.automated_clean, node.properties], [false, true, {}]);
});
