/** Responses of the current Ironic, from `npm run nightly -- ironic-oracle` (test/oracle). */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, test } from 'node:test';
import { nodeRequests, textOf } from '#test/node-requests.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { ask, enrol } = nodeRequests(fixture);
const v1 = '/baremetal/v1';
const nobody = 'aaaaaaaa-1111-4111-8111-111111111111';

type Row = [
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body: object | undefined,
  status: number,
  text: RegExp,
];

const node = (fields: object) => ({ driver: 'fake-hardware', ...fields });
const port = (fields: object) => ({ node_uuid: '{node}', address: '52:54:00:0a:5a:01', ...fields });
const link = (local_link_connection: object) => port({ local_link_connection });
const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

const refusedRows: Row[] = [
  ['POST', '', node({ name: '' }), 400, /invalid name ''/],
  ['POST', '', node({ name: 'aaaaaaaa111141118111111111111111' }), 400, /invalid name/],
  ['POST', '', node({ name: 'states' }), 400, /The word "states" is reserved/],
  ['PATCH', '{node}', replace('/name', ''), 400, /invalid name ''/],
  ['PATCH', '{node}', replace('/name', null), 400, /invalid name 'None'/],
  ['PATCH', '{node}', replace('/name', 'validate'), 400, /reserved/],
  ['POST', '', node({ power_interface: '' }), 400, /power_interface/],
  ['POST', '', node({ instance_name: '' }), 400, /instance_name/],
  ['PATCH', '{node}', replace('/instance_name', ''), 400, /instance_name/],
  ['PATCH', '{node}', replace('/deploy_interface', ''), 400, /deploy_interface/],
  ['POST', '', node({ properties: { memory_mb: '8GB' } }), 400, /non-negative integers.*memory_mb="8GB"/],
  ['POST', '', node({ properties: { local_gb: -1 } }), 400, /local_gb=-1/],
  ['PATCH', '{node}', [{ op: 'add', path: '/properties/local_gb', value: [] }], 400, /local_gb=\[\]/],
  ['POST', '', node({ chassis_uuid: 'x' }), 400, /Expected UUID for chassis_uuid: x/],
  ['POST', '', node({ chassis_uuid: nobody }), 400, /Chassis .* could not be found/],
  ['POST', '', node({ instance_uuid: 'x' }), 400, /Expected UUID for instance_uuid: x/],
  ['PATCH', '{node}', replace('/maintenance', 1), 400, /maintenance/],
  ['GET', 'a%20b', undefined, 400, /Expected UUID or name for node: a b/],
  ['GET', `${v1}/ports/52:54:00:0a:5a:01`, undefined, 400, /Expected UUID or name for port/],
  ['GET', '?limit=0', undefined, 400, /Limit must be positive/],
  ['GET', '?limit=1.5', undefined, 400, /Expected an integer for limit: 1.5/],
  ['GET', '?limit=', undefined, 400, /Expected an integer for limit/],
  ['GET', `?marker=${nobody}`, undefined, 404, /could not be found/],
  ['GET', `${v1}/ports?marker=${nobody}`, undefined, 404, /could not be found/],
  ['GET', '?provision_state=sleeping', undefined, 400, /Provision state "sleeping" is not valid/],
  ['GET', '?fault=broken', undefined, 400, /Unrecognized fault "broken"/],
  ['GET', '?instance_uuid=x', undefined, 400, /Expected UUID for instance_uuid/],
  ['GET', '?chassis_uuid=x', undefined, 400, /Expected UUID for chassis_uuid/],
  ['GET', `?chassis_uuid=${nobody}`, undefined, 404, /Chassis/],
  ['GET', `${v1}/ports?portgroup=${nobody}`, undefined, 404, /Portgroup .* could not be found/],
  ['GET', `${v1}/ports?address=x`, undefined, 400, /Expected valid MAC/],
  ['POST', `${v1}/ports`, port({ address: '52:54-00:0a:5a:01' }), 400, /address/],
  ['POST', `${v1}/ports`, port({ portgroup_uuid: nobody }), 400, /Portgroup .* could not be found/],
  ['POST', `${v1}/ports`, link({ port_id: 'Eth1' }), 400, /Schema error for local_link_connection/],
  ['POST', `${v1}/ports`, link({ switch_id: '0a:1b:2c:3d:4e:5f' }), 400, /Schema error for local_link_connection/],
  ['POST', `${v1}/ports`, link({ network_type: 'other' }), 400, /network_type/],
  ['POST', `${v1}/ports`, link({ switch_id: 'leaf-1', port_id: 'Eth1' }), 400, /MAC address or OpenFlow datapath ID/],
  ['GET', `${v1}/drivers?type=odd`, undefined, 400, /type/],
  ['GET', `${v1}/drivers?fields=name&detail=True`, undefined, 400, /detail=True and fields/],
  ['POST', `${v1}/drivers/fake-hardware/vendor_passthru/explode`, {}, 400, /No handler for method explode/],
  ['POST', `${v1}/drivers/fake-hardware/vendor_passthru`, {}, 400, /Method not specified/],
  ['POST', `${v1}/drivers/none/vendor_passthru/explode`, {}, 404, /none/],
  ['GET', `${v1}/conductors?colour=red`, undefined, 400, /Unexpected arguments: colour/],
  ['GET', `${v1}/conductors?limit=0`, undefined, 400, /Limit must be positive/],
  ['GET', `${v1}/conductors?limit=many`, undefined, 400, /limit/],
  ['GET', `${v1}/conductors?marker=none`, undefined, 404, /none/],
  ['GET', `${v1}/conductors?sort_key=alive`, undefined, 400, /sort_key value alive is an invalid field for sorting/],
  ['GET', `${v1}/conductors?sort_dir=up`, undefined, 400, /Invalid sort direction: up/],
  ['GET', `${v1}/conductors?detail=true&fields=hostname`, undefined, 400, /Can't fetch a subset of fields with 'detail' set/],
  ['GET', `${v1}/allocations?colour=red`, undefined, 400, /Unexpected arguments: colour/],
  ['PUT', '{node}/traits/CUSTOM_A', { traits: [] }, 400, /without a body/],
  ['DELETE', '{node}/traits/fast', undefined, 404, /fast/],
];
const step = { interface: 'bios', step: 'apply_configuration', args: {} };
const volume = { node_uuid: '{node}', volume_type: 'iscsi', volume_id: 'v', boot_index: 0 };
const recordTable: Record<string, object> = {
  nodes: node({}),
  ports: port({}),
  portgroups: { node_uuid: '{node}' },
  chassis: {},
  allocations: { resource_class: 'x' },
  deploy_templates: { name: 'CUSTOM_T', steps: [{ ...step, priority: 1 }] },
  runbooks: { name: 'CUSTOM_R', steps: [{ ...step, order: 1 }] },
  inspection_rules: { actions: [{ op: 'set-attribute', args: ['/extra/b', '1'] }] },
  'volume/targets': volume,
  'volume/connectors': { node_uuid: '{node}', type: 'iqn', connector_id: 'iqn.a' },
};
for (const [path, fields] of Object.entries(recordTable))
  refusedRows.push(['POST', `${v1}/${path}`, { ...fields, uuid: '' }, 400, /Expected UUID for uuid: /]);

for (const [method, path, payload, status, text] of refusedRows) {
  test(`${method} ${path} ${JSON.stringify(payload) ?? ''} is rejected: ${status}`, async () => {
    const { uuid } = await enrol();
    const fill = (words: string) => words.replaceAll('{node}', uuid);
    const url = path.startsWith('?') ? `${v1}/nodes${path}` : fill(path);

    const reply = await ask(method, url, payload && JSON.parse(fill(JSON.stringify(payload))));

    assert.equal(reply.status, status, JSON.stringify(reply.body));
    assert.match(textOf(reply.body), text);
  });
}

test('returns a chosen subset of fields with its links; a later field is not acceptable', async () => {
  const { uuid, links } = await enrol();

  const shown = await ask('GET', `${uuid}?fields=uuid`);
  const later = await ask('GET', `${uuid}?fields=shard`, undefined, 81);

  assert.deepEqual(shown.body, { uuid, links });
  assert.equal(later.status, 406);
});

test('filters lists by conductor, and by an unknown parent', async () => {
  const { uuid } = await enrol({ resource_class: 'conducted' });
  const found = async (query: string) =>
    (await ask('GET', `${v1}/nodes?resource_class=conducted&${query}`)).body.nodes.map((each: { uuid: string }) => each.uuid);

  assert.deepEqual(await found(`conductor=${hostname()}`), [uuid]);
  assert.deepEqual(await found('conductor=no-such'), []);
  assert.deepEqual(await found('parent_node=no-such'), []);
  assert.deepEqual(await found('provision_state=inspecting'), []);
  assert.deepEqual(await found('sort_key='), [uuid]);
});

test('accepts sizes as numbers and as text', async () => {
  const properties = { memory_mb: '8192', local_gb: 40, cpus: 'four' };

  assert.deepEqual((await enrol({ properties })).properties, properties);
});

test('sets maintenance without a body, and accepts a timeout as text', async () => {
  const { uuid } = await enrol();

  const { status } = await ask('PUT', `${uuid}/maintenance`);
  const power = await ask('PUT', `${uuid}/states/power`, { target: 'power on', timeout: '10' });
  const nonsense = await ask('PUT', `${uuid}/states/power`, { target: 'power on', timeout: '0' });

  assert.deepEqual([status, power.status, nonsense.status], [202, 202, 400]);
  assert.equal((await ask('GET', uuid)).body.maintenance, true);
});

test('stores switch_id in lower case; a null link is empty', async () => {
  const { uuid } = await enrol();
  const create = (address: string, local_link_connection: object | null) =>
    ask('POST', `${v1}/ports`, { node_uuid: uuid, address, extra: null, local_link_connection });

  const whole = await create('52:54:00:0a:5a:11', { switch_id: '0A:1B:2C:3D:4E:5F', port_id: 'Eth1' });
  const none = await create('52:54:00:0a:5a:12', null);
  const unmanaged = await create('52:54:00:0a:5a:13', { network_type: 'unmanaged' });

  assert.deepEqual(whole.body.local_link_connection, { switch_id: '0a:1b:2c:3d:4e:5f', port_id: 'Eth1' });
  assert.deepEqual([none.body.local_link_connection, none.body.extra], [{}, {}]);
  assert.deepEqual(unmanaged.body.local_link_connection, { network_type: 'unmanaged' });
});

test('the links of a node resolve', async () => {
  const node = await enrol();
  const links = [node.links, node.ports, node.states, node.portgroups, node.volume].map(([self]) => new URL(self.href).pathname);
  const { links: _, ...volume } = (await ask('GET', `${node.uuid}/volume`)).body;
  const inner = Object.values(volume as Record<string, { href: string }[]>).map(([self]) => new URL(self?.href ?? '').pathname);

  for (const path of [...links, ...inner]) assert.equal((await ask('GET', path)).status, 200, path);
  assert.equal(inner.length, 2);
});

test('replies to creations and state changes have a Location', async () => {
  const { uuid } = await enrol();

  const trait = await ask('PUT', `${uuid}/traits/CUSTOM_A`);
  const console = await ask('PUT', `${uuid}/states/console`, { enabled: 'False' });
  const { links } = (await ask('GET', `${uuid}/children`)).body;
  const [conductor] = (await ask('GET', `${v1}/conductors`)).body.conductors;
  const { conductors: rest } = (await ask('GET', `${v1}/conductors?limit=1&marker=${conductor.hostname}`)).body;
  const volume = (await ask('GET', `${v1}/volume`)).body;

  assert.match(String(trait.headers['location']), /\/traits\/CUSTOM_A$/);
  assert.match(String(console.headers['location']), /\/states\/console$/);
  assert.equal(links.rel, 'children');
  assert.deepEqual(rest, []);
  assert.deepEqual(Object.keys(conductor).sort(), ['alive', 'conductor_group', 'hostname', 'links']);
  assert.deepEqual(Object.keys(volume), ['links', 'connectors', 'targets']);
});
