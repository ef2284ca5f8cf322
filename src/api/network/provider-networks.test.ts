/** Provider attributes, availability zones, and how many addresses are in use. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}

type Provider = { type?: string; physical?: string; id?: number | string };
const fieldsOf = ({ type, physical, id }: Provider) => ({
  ...(type !== undefined && { 'provider:network_type': type }),
  ...(physical !== undefined && { 'provider:physical_network': physical }),
  ...(id !== undefined && { 'provider:segmentation_id': id }),
});
async function make(provider: Provider) {
  const { status, body, type } = await ask('POST', '/networks', { network: fieldsOf(provider) });
  if (status !== 201) return [status, type];
  const { network } = body;
  return [
    network['provider:network_type'],
    network['provider:physical_network'],
    network['provider:segmentation_id'],
    network.mtu,
  ];
}

test('a network is of the type that an administrator names, with the lowest free ID', async () => {
  assert.deepEqual(await make({}), ['flat', 'provisioning', null, 1500]);
  assert.deepEqual(await make({ type: 'flat', physical: 'public' }), ['flat', 'public', null, 1500]);
  assert.deepEqual(await make({ type: 'vlan', physical: 'tor', id: '2' }), ['vlan', 'tor', 2, 1500]);
  assert.deepEqual(await make({ type: 'vlan', physical: 'tor' }), ['vlan', 'tor', 1, 1500]);
  assert.deepEqual(await make({ type: 'vlan', physical: 'tor' }), ['vlan', 'tor', 3, 1500]);
  assert.deepEqual(await make({ type: 'vlan', physical: 'other', id: 2 }), ['vlan', 'other', 2, 1500]);
  assert.deepEqual(await make({ type: 'vxlan', id: 70_000 }), ['vxlan', null, 70_000, 1450]);
  assert.deepEqual(await make({ type: 'vxlan' }), ['vxlan', null, 1, 1450]);
  assert.deepEqual(await make({ type: 'local' }), ['local', null, null, 1500]);
});

test('what a type cannot have, or another network has, is refused', async () => {
  assert.deepEqual(await make({ type: 'vlan', physical: 'tor', id: 2 }), [409, 'VlanIdInUse']);
  assert.deepEqual(await make({ type: 'vxlan', id: 70_000 }), [409, 'TunnelIdInUse']);
  for (const provider of [
    { physical: 'tor' },
    { id: 5 },
    { type: 'vlan', id: 5 },
    { type: 'vlan', physical: 'tor', id: 4095 },
    { type: 'vlan', physical: 'tor', id: 0 },
    { type: 'flat', physical: 'tor', id: 5 },
    { type: 'vxlan', physical: 'tor' },
    { type: 'local', id: 1 },
    { type: 'token-ring' },
  ])
    assert.deepEqual(await make(provider), [400, 'InvalidInput'], JSON.stringify(provider));
});

test('the VLAN of a network changes, and nothing else of what it is on the wire', async () => {
  const made = await ask('POST', '/networks', { network: fieldsOf({ type: 'vlan', physical: 'tor', id: 50 }) });
  const url = `/networks/${made.body.network.id}`;
  const change = async (provider: Provider) => {
    const { body, type } = await ask('PUT', url, { network: fieldsOf(provider) });
    return type ?? body.network['provider:segmentation_id'];
  };
  assert.equal(await change({ id: 51 }), 51);
  assert.equal(await change({ type: 'vlan', physical: 'tor', id: 52 }), 52);
  assert.equal(await change({ id: 2 }), 'VlanIdInUse');
  assert.equal(await change({ physical: 'other' }), 'InvalidInput');
  assert.equal(await change({ type: 'vxlan' }), 'InvalidInput');
  const flat = await ask('PUT', `/networks/${own['networks']}`, { network: fieldsOf({ id: 9 }) });
  assert.deepEqual([flat.status, flat.type], [400, 'InvalidInput']);
  const { body } = await ask('GET', '/networks?provider:segmentation_id=52');
  assert.deepEqual(
    body.networks.map(({ id }: { id: string }) => id),
    [made.body.network.id],
  );
  assert.equal((await ask('PUT', `/networks/${own['networks']}`, { network: fieldsOf({ id: 9 }) }, member)).status, 403);
});

test('requests at the same time get different VLANs', async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => make({ type: 'vlan', physical: 'race' })));
  assert.deepEqual(made.map(([, , id]) => Number(id)).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('subports inherit the VLAN of their network', async () => {
  const network = (await ask('POST', '/networks', { network: fieldsOf({ type: 'vlan', physical: 'trunk', id: 77 }) })).body
    .network;
  const port = async () => (await ask('POST', '/ports', { port: { network_id: network.id } })).body.port.id;
  const sub_ports = [{ port_id: await port(), segmentation_type: 'inherit' }];
  const made = await ask('POST', '/trunks', { trunk: { port_id: await port(), sub_ports } });
  assert.equal(made.body.trunk.sub_ports[0].segmentation_id, 77);
});

test('networks and routers ask for the one availability zone', async () => {
  assert.equal((await ask('GET', '/availability_zones', undefined, member)).body.availability_zones.length, 2);
  assert.deepEqual((await ask('GET', '/availability_zones?resource=router', undefined, member)).body.availability_zones, [
    { name: 'nova', resource: 'router', state: 'available' },
  ]);
  for (const noun of ['network', 'router']) {
    const wanted = (hint: string) => ask('POST', `/${noun}s`, { [noun]: { availability_zone_hints: [hint] } }, member);
    const { body } = await wanted('nova');
    assert.deepEqual([body[noun].availability_zone_hints, body[noun].availability_zones], [['nova'], []]);
    const unknown = await wanted('mars');
    assert.deepEqual([unknown.status, unknown.type], [404, 'AvailabilityZoneNotFound']);
  }
});

test('an administrator sees how many addresses of a network are in use', async () => {
  const network_id = (await ask('POST', '/networks', { network: { name: 'counted' } })).body.network.id;
  const pools = [{ start: '10.91.0.10', end: '10.91.0.19' }];
  const four = { network_id, ip_version: 4, cidr: '10.91.0.0/24', name: 'four', allocation_pools: pools };
  const subnet = (await ask('POST', '/subnets', { subnet: four })).body.subnet;
  await ask('POST', '/subnets', { subnet: { network_id, ip_version: 6, cidr: 'fd91::/64' } });
  await ask('POST', '/ports', { port: { network_id, fixed_ips: [{ subnet_id: subnet.id }, { subnet_id: subnet.id }] } });

  const url = `/network-ip-availabilities/${network_id}`;
  const shown = (await ask('GET', url)).body.network_ip_availability;
  assert.deepEqual([shown.network_name, shown.used_ips, shown.subnet_ip_availability.length], ['counted', 2, 2]);
  const listed = (await ask('GET', `/network-ip-availabilities?network_id=${network_id}&ip_version=4`)).body;
  assert.deepEqual(listed.network_ip_availabilities, [
    {
      ...{ network_id, network_name: 'counted', project_id: shown.project_id, tenant_id: shown.project_id },
      ...{ used_ips: 2, total_ips: 10 },
      subnet_ip_availability: [
        { subnet_id: subnet.id, subnet_name: 'four', cidr: '10.91.0.0/24', ip_version: 4, used_ips: 2, total_ips: 10 },
      ],
    },
  ]);
  assert.equal((await ask('GET', '/network-ip-availabilities?network_name=none')).body.network_ip_availabilities.length, 0);
  assert.equal((await ask('GET', url, undefined, member)).type, 'NetworkNotFound');
  const none = await ask('GET', '/network-ip-availabilities', undefined, member);
  assert.deepEqual(none.body, { network_ip_availabilities: [] });
  assert.equal((await ask('GET', '/network-ip-availabilities/none')).type, 'NetworkNotFound');
});
