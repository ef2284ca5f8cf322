/** Trunks (neutron/services/trunk/{plugin,rules}.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = member) {
  const reply = await fixture.ask({ method, url: base + path, headers: { ...headers }, ...(payload && { payload }) });
  return { ...reply, error: [reply.status, reply.body?.NeutronError?.type] };
}

async function aNetwork(fields: object = {}): Promise<string> {
  const { network } = (await ask('POST', '/networks', { network: fields })).body;
  return network.id;
}
const network_id = await aNetwork();
async function aPort(fields: object = {}): Promise<string> {
  return (await ask('POST', '/ports', { port: { network_id, ...fields } })).body.port.id;
}
const vlan = (port_id: string, segmentation_id: number | string = 101) => ({
  port_id,
  segmentation_type: 'vlan',
  segmentation_id,
});
const make = (port_id: string, ...sub_ports: object[]) => ask('POST', '/trunks', { trunk: { port_id, sub_ports } });
const change = (id: string, action: 'add' | 'remove', ...sub_ports: object[]) =>
  ask('PUT', `/trunks/${id}/${action}_subports`, { sub_ports });

test('a trunk, its subports and what its parent tells of them', async () => {
  const [parent, one, two] = [await aPort(), await aPort(), await aPort()];
  const made = await make(parent, vlan(one));
  const { trunk } = made.body;
  const added = await change(trunk.id, 'add', vlan(two, '102'));
  const { port } = (await ask('GET', `/ports/${parent}`)).body;
  const mac = (await ask('GET', `/ports/${two}`)).body.port.mac_address;

  assert.equal(made.status, 201);
  assert.deepEqual([trunk.status, trunk.admin_state_up, trunk.sub_ports], ['DOWN', true, [vlan(one)]]);
  assert.deepEqual([added.body.sub_ports, added.body.revision_number], [[vlan(one), vlan(two, 102)], trunk.revision_number + 1]);
  assert.equal(port.trunk_details.trunk_id, trunk.id);
  assert.deepEqual(port.trunk_details.sub_ports[1], { ...vlan(two, 102), mac_address: mac });
  assert.deepEqual((await change(trunk.id, 'remove', { port_id: one })).body.sub_ports, [vlan(two, 102)]);
  assert.deepEqual((await change(trunk.id, 'remove', { port_id: one })).error, [404, 'SubPortNotFound']);
  assert.deepEqual((await ask('GET', `/trunks/${trunk.id}/get_subports`)).body, { sub_ports: [vlan(two, 102)] });
  assert.deepEqual((await ask('DELETE', `/ports/${parent}`)).error, [409, 'PortInUseAsTrunkParent']);
  assert.deepEqual((await ask('DELETE', `/ports/${two}`)).error, [409, 'PortInUseAsSubPort']);
  assert.equal((await ask('DELETE', `/trunks/${trunk.id}`)).status, 204);
  assert.equal((await ask('DELETE', `/ports/${two}`)).status, 204);
  assert.equal((await ask('GET', `/ports/${parent}`)).body.port.trunk_details, undefined);
});

test('refuses what Neutron refuses', async () => {
  const [parent, one, two, used] = [await aPort(), await aPort(), await aPort(), await aPort({ device_id: 'router' })];
  const wide = await aPort({ network_id: await aNetwork({ mtu: 9000 }) });
  const { id } = (await make(parent, vlan(one))).body.trunk;
  const free = await aPort();
  const invalid = [400, 'InvalidInput'];
  const cases: [string, { error: unknown[] }, unknown[]][] = [
    ['a second trunk', await make(parent), [409, 'ParentPortInUse']],
    ['a subport as parent', await make(one), [409, 'TrunkPortInUse']],
    ['its own parent', await make(free, vlan(free)), [409, 'ParentPortInUse']],
    ['a parent as subport', await make(free, vlan(parent)), [409, 'ParentPortInUse']],
    ['a subport of another trunk', await make(free, vlan(one)), [409, 'TrunkPortInUse']],
    ['a port in use', await make(free, vlan(used)), [409, 'PortInUse']],
    ['a larger MTU', await make(free, vlan(wide)), [409, 'SubPortMtuGreaterThanTrunkPortMtu']],
    ['a VLAN twice', await make(free, vlan(two), vlan(wide)), invalid],
    ['a port twice', await make(free, vlan(two), vlan(two, 102)), invalid],
    ['a VLAN of the trunk', await change(id, 'add', vlan(two)), [409, 'DuplicateSubPort']],
    ['VLAN 0', await make(free, vlan(two, 0)), invalid],
    ['VLAN 4095', await make(free, vlan(two, 4095)), invalid],
    ['no number', await make(free, vlan(two, 'ten')), invalid],
    ['no VLAN', await make(free, { port_id: two }), invalid],
    ['another kind', await make(free, { ...vlan(two), segmentation_type: 'vxlan' }), invalid],
    ['the VLAN of a flat network', await make(free, { port_id: two, segmentation_type: 'inherit' }), invalid],
    ["another project's port", await make(others['ports'] ?? ''), [404, 'PortNotFound']],
    ["another project's subport", await make(free, vlan(others['ports'] ?? '')), [404, 'PortNotFound']],
  ];

  for (const [what, { error }, expected] of cases) assert.deepEqual(error, expected, what);
  assert.equal((await ask('GET', `/trunks?port_id=${free}`)).body.trunks.length, 0);
  await ask('PUT', `/trunks/${id}`, { trunk: { admin_state_up: false } });
  assert.deepEqual((await change(id, 'add', vlan(two, 102))).error, [409, 'TrunkDisabled']);
  assert.deepEqual((await ask('DELETE', `/trunks/${id}`)).error, [409, 'TrunkDisabled']);
});

test('a trunk is of its project, and is used while its parent is', async () => {
  const { id } = (await make(own['ports'] ?? '')).body.trunk;
  const path = `/trunks/${id}`;
  const foreign = (await ask('POST', '/trunks', { trunk: { port_id: others['ports'] } }, {})).body.trunk.id;
  const byStatus = async (status: string) => (await ask('GET', `/trunks?status=${status}`)).body.trunks.length > 0;
  await fixture.store.ports.update({ id: own['ports'] ?? '' }, { status: 'ACTIVE' });

  assert.deepEqual((await ask('GET', path)).body.trunk.status, 'ACTIVE');
  assert.equal(await byStatus('ACTIVE'), true);
  assert.deepEqual((await ask('DELETE', path)).error, [409, 'TrunkInUse']);
  assert.match(foreign, /^[0-9a-f-]{36}$/);
  for (const [method, url] of [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/get_subports'],
  ] as const)
    assert.deepEqual((await ask(method, `/trunks/${foreign}${url}`)).error, [404, 'TrunkNotFound']);
});

test('MAC and addresses of a subport stay while a machine has its trunk', async () => {
  const [parent, subport] = [await aPort(), await aPort()];
  await make(parent, vlan(subport));
  const change = (port: object) => ask('PUT', `/ports/${subport}`, { port });
  assert.equal((await change({ mac_address: '02:00:00:00:77:01' })).status, 200);
  const node = await aFreeNode(fixture);
  const attached = await fixture.ask({
    ...{ method: 'POST', url: `/baremetal/v1/nodes/${node}/vifs`, payload: { id: parent } },
    headers: { 'x-openstack-ironic-api-version': '1.79' },
  });
  assert.equal(attached.status, 204);

  assert.deepEqual((await change({ mac_address: '02:00:00:00:77:02' })).error, [409, 'PortBound']);
  assert.deepEqual((await change({ fixed_ips: [{ ip_address: '10.77.0.9' }] })).error, [409, 'PortBound']);
  // As what makes containers in the machine marks its ports.
  assert.equal((await change({ device_owner: 'trunk:subport', device_id: 'a-container' })).status, 200);
});
