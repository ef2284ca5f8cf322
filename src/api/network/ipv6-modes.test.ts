/** Subnets whose hosts make their addresses themselves (neutron/db/ipam_pluggable_backend.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eui64Address } from '#domain/eui64.ts';
import { parseCidr } from '#domain/ip-addresses.ts';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = member) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}
const makeNetwork = async () => (await ask('POST', '/networks', { network: { name: 'six' } })).body.network.id as string;
const makeSubnet = (network_id: string, fields: object) =>
  ask('POST', '/subnets', { subnet: { network_id, ip_version: 6, ...fields } });
const makePort = async (network_id: string, fields: object = {}) => ask('POST', '/ports', { port: { network_id, ...fields } });
const slaac = { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' };
const addressIn = (cidr: string, mac: string) => eui64Address(parseCidr(cidr)!, mac);
type Port = { fixed_ips: { ip_address: string; subnet_id: string }[]; mac_address: string; id: string };
const addressesOf = ({ fixed_ips }: Port) => fixed_ips.map(({ ip_address }) => ip_address);

test('modes fit each other, the version, DHCP and the prefix, and stay', async () => {
  const network = await makeNetwork();
  const refusals = [
    { ip_version: 4, cidr: '10.95.0.0/24', ipv6_ra_mode: 'slaac' },
    { cidr: 'fd95::/64', ...slaac, enable_dhcp: false },
    { cidr: 'fd95::/64', ipv6_address_mode: 'slaac', ipv6_ra_mode: 'dhcpv6-stateful' },
    { cidr: 'fd95::/56', ipv6_address_mode: 'slaac' },
    { cidr: 'fd95::/80', ipv6_ra_mode: 'dhcpv6-stateless' },
  ];
  for (const fields of refusals) {
    const { status, type } = await makeSubnet(network, fields);
    assert.deepEqual([status, type], [400, 'InvalidInput'], JSON.stringify(fields));
  }
  const stateful = { cidr: 'fd95::/80', ipv6_address_mode: 'dhcpv6-stateful', ipv6_ra_mode: 'dhcpv6-stateful' };
  const { subnet } = (await makeSubnet(network, stateful)).body;
  assert.deepEqual([subnet.ipv6_address_mode, subnet.ipv6_ra_mode], ['dhcpv6-stateful', 'dhcpv6-stateful']);
  const url = `/subnets/${subnet.id}`;
  assert.equal((await ask('PUT', url, { subnet: { ipv6_ra_mode: 'slaac' } })).status, 400);
  assert.equal((await ask('PUT', url, { subnet: { enable_dhcp: false } })).type, 'InvalidInput');
  assert.equal((await ask('GET', '/subnets?ipv6_ra_mode=dhcpv6-stateful')).body.subnets.length, 1);
  const { port } = (await makePort(network)).body;
  assert.deepEqual(addressesOf(port), ['fd95::2']);
});

test('a port has the address of its MAC in each such subnet, and no other there', async () => {
  const network = await makeNetwork();
  await makeSubnet(network, { ip_version: 4, cidr: '10.96.0.0/24' });
  const { subnet } = (await makeSubnet(network, { cidr: 'fd96::/64', ...slaac })).body;
  const mac_address = 'fa:16:3e:96:00:01';
  const { port } = (await makePort(network, { mac_address })).body;
  assert.deepEqual(addressesOf(port), ['10.96.0.2', addressIn('fd96::/64', mac_address)]);

  const chosen = await makePort(network, { fixed_ips: [{ subnet_id: subnet.id, ip_address: 'fd96::9' }] });
  assert.deepEqual([chosen.status, chosen.type], [400, 'AllocationOnAutoAddressSubnet']);
  const named = (await makePort(network, { fixed_ips: [{ subnet_id: subnet.id }] })).body.port;
  assert.deepEqual(addressesOf(named), [addressIn('fd96::/64', named.mac_address)]);
  const without = (await makePort(network, { fixed_ips: [] })).body.port;
  assert.deepEqual(addressesOf(without), [addressIn('fd96::/64', without.mac_address)]);
  const same = await ask('PUT', `/ports/${port.id}`, { port: { fixed_ips: port.fixed_ips, name: 'same' } });
  assert.deepEqual(addressesOf(same.body.port), addressesOf(port));

  const moved = await ask('PUT', `/ports/${port.id}`, { port: { mac_address: 'fa:16:3e:96:00:02' } }, {});
  assert.deepEqual(addressesOf(moved.body.port), ['10.96.0.2', addressIn('fd96::/64', 'fa:16:3e:96:00:02')]);
  const again = await makePort(network, { mac_address: 'fa:16:3e:96:00:02' });
  assert.equal(again.status, 409);
  const free = await makePort(network, { mac_address });
  assert.equal(free.status, 201, JSON.stringify(free.body));
});

test('the ports of a network get addresses with such a subnet, and lose them with it', async () => {
  const network = await makeNetwork();
  const { port } = (await makePort(network)).body;
  const { subnet } = (await makeSubnet(network, { cidr: 'fd97::/64', ipv6_address_mode: 'slaac' })).body;
  const shown = async () => addressesOf((await ask('GET', `/ports/${port.id}`)).body.port);
  assert.deepEqual(await shown(), [addressIn('fd97::/64', port.mac_address)]);
  assert.equal(await fixture.store.ip_allocations.count({ subnet_id: subnet.id }), 1);
  assert.equal((await ask('DELETE', `/subnets/${subnet.id}`)).status, 204);
  assert.deepEqual(await shown(), []);
  assert.equal(await fixture.store.ip_allocations.count({ subnet_id: subnet.id }), 0);
});

test('the inside of a router has the gateway of such a subnet', async () => {
  const network = await makeNetwork();
  const { subnet } = (await makeSubnet(network, { cidr: 'fd98::/64', ...slaac })).body;
  const { router } = (await ask('POST', '/routers', { router: {} })).body;
  const added = await ask('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  assert.equal(added.status, 200, JSON.stringify(added.body));
  const { port } = (await ask('GET', `/ports/${added.body.port_id}`)).body;
  assert.deepEqual(addressesOf(port), ['fd98::1']);
  assert.equal((await ask('DELETE', `/subnets/${subnet.id}`)).status, 409);
});

test('the address of a server is that of its NIC, also on a port that was made before', async () => {
  const network = await makeNetwork();
  await makeSubnet(network, { cidr: 'fd99::/64', ...slaac });
  const before = (await makePort(network)).body.port;
  await aFreeNode(fixture);
  const server = { name: 's', imageRef: own['images'], flavorRef: 'f1', networks: [{ port: before.id }] };
  const made = await fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers: { ...member }, payload: { server } });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  await fixture.quiet();
  const { port } = (await ask('GET', `/ports/${before.id}`)).body;
  assert.notEqual(port.mac_address, before.mac_address);
  assert.equal(await fixture.store.node_ports.count({ address: port.mac_address }), 1);
  assert.deepEqual(addressesOf(port), [addressIn('fd99::/64', port.mac_address)]);
  assert.deepEqual(
    (await fixture.store.ip_allocations.list({ port_id: port.id })).map(({ ip_address }) => ip_address),
    addressesOf(port),
  );
});
