/** The exceptions of Neutron by name: python-neutronclient raises its own of the same name. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
type Ask = { method?: Method; url: string; payload?: object; headers?: Record<string, string> };

async function errorOf({ url, ...request }: Ask): Promise<unknown[]> {
  const { status, body } = await fixture.ask({ ...request, url: `${base}${url}` });
  assert.deepEqual(Object.keys(body.NeutronError ?? {}), ['type', 'message', 'detail'], JSON.stringify(body));
  return [status, body.NeutronError.type];
}

async function create(noun: string, fields: object) {
  const { body } = await fixture.ask({ method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields } });
  return body[noun];
}

const network = await create('network', { name: 'own' });
const subnet = await create('subnet', { network_id: network.id, ip_version: 4, cidr: '10.60.0.0/29' });
const port = await create('port', { network_id: network.id, mac_address: '02:00:00:00:60:01' });
const post = (noun: string, fields: object): Ask => ({ method: 'POST', url: `/${noun}s`, payload: { [noun]: fields } });
const pool = (start: string, end: string) =>
  post('subnet', {
    ...{ network_id: network.id, ip_version: 4, cidr: '10.61.0.0/24', allocation_pools: [{ start, end }] },
  });
const addressed = (fixed_ips: object[]) => post('port', { network_id: network.id, fixed_ips });

const cases: [name: string, request: Ask, status: number, type: string][] = [
  ['an unknown network', { url: '/networks/none' }, 404, 'NetworkNotFound'],
  ['an unknown subnet', { url: '/subnets/none' }, 404, 'SubnetNotFound'],
  ['an unknown port', { url: '/ports/none' }, 404, 'PortNotFound'],
  ['an unknown router', { url: '/routers/none' }, 404, 'RouterNotFound'],
  ['an unknown floating IP', { url: '/floatingips/none' }, 404, 'FloatingIPNotFound'],
  ['an unknown security group', { url: '/security-groups/none' }, 404, 'SecurityGroupNotFound'],
  ['an unknown RBAC policy', { url: '/rbac-policies/none' }, 404, 'RbacPolicyNotFound'],
  ['an unknown agent', { url: '/agents/none' }, 404, 'AgentNotFound'],
  ['an unknown extension', { url: '/extensions/none' }, 404, 'HTTPNotFound'],
  ['an unknown path', { url: '/nowhere' }, 404, 'HTTPNotFound'],
  ['an unknown method', { method: 'PATCH', url: '/networks' }, 405, 'HTTPMethodNotAllowed'],
  ['an unknown filter', { url: '/networks?colour=red' }, 400, 'HTTPBadRequest'],
  ['an unknown sort key', { url: '/ports?sort_key=colour' }, 400, 'HTTPBadRequest'],
  ['a value that is no boolean', { url: '/networks?shared=perhaps' }, 400, 'InvalidInput'],
  ['what is not supported', post('flavor', {}), 501, 'HTTPNotImplemented'],
  ['a network in use', { method: 'DELETE', url: `/networks/${network.id}` }, 409, 'NetworkInUse'],
  ['a subnet in use', { method: 'DELETE', url: `/subnets/${subnet.id}` }, 409, 'SubnetInUse'],
  ['an overlapping subnet', post('subnet', { network_id: network.id, ip_version: 4, cidr: '10.60.0.0/24' }), 400, 'InvalidInput'],
  ['a pool outside its subnet', pool('10.61.0.9', '10.61.1.9'), 400, 'OutOfBoundsAllocationPool'],
  ['a pool backwards', pool('10.61.0.9', '10.61.0.5'), 400, 'InvalidAllocationPool'],
  ['a pool with the gateway', pool('10.61.0.1', '10.61.0.5'), 409, 'GatewayConflictWithAllocationPools'],
  ['a MAC in use', post('port', { network_id: network.id, mac_address: '02:00:00:00:60:01' }), 409, 'MacAddressInUse'],
  ['an address in use', addressed([{ ip_address: port.fixed_ips[0].ip_address }]), 409, 'IpAddressAlreadyAllocated'],
  ['an address of no subnet', addressed([{ ip_address: '10.99.0.9' }]), 400, 'InvalidIpForNetwork'],
  ['an address of another subnet', addressed([{ subnet_id: subnet.id, ip_address: '10.99.0.9' }]), 400, 'InvalidIpForSubnet'],
  ['an unknown subnet of an address', addressed([{ subnet_id: 'none' }]), 400, 'InvalidInput'],
  ['a multicast MAC', post('port', { network_id: network.id, mac_address: '01:00:00:00:60:01' }), 400, 'InvalidInput'],
  ['a full subnet', addressed(Array.from({ length: 5 }, () => ({ subnet_id: subnet.id }))), 409, 'IpAddressGenerationFailure'],
  ["an administrator's attribute", { ...post('network', { shared: true }), headers: member }, 403, 'PolicyNotAuthorized'],
  ["another project's network", { url: `/networks/${others['networks']}`, headers: member }, 404, 'NetworkNotFound'],
  ['a quota of another project', { url: '/quotas/other/details', headers: member }, 403, 'PolicyNotAuthorized'],
];

for (const [name, request, status, type] of cases) {
  test(`${name} has type ${type}`, async () => {
    assert.deepEqual(await errorOf(request), [status, type]);
  });
}

test('a port in use by a machine', async () => {
  const now = new Date().toISOString();
  const nic = { uuid: 'nic', node_uuid: 'node', address: '52:54:00:00:60:01', pxe_enabled: true };
  const row = { ...nic, local_link_connection: {}, extra: {}, vif_port_id: port.id, created_at: now, updated_at: now };
  await fixture.store.node_ports.insert(row);
  const change = { method: 'PUT', url: `/ports/${port.id}`, payload: { port: { mac_address: '02:00:00:00:60:02' } } } as const;

  assert.deepEqual(await errorOf({ method: 'DELETE', url: `/ports/${port.id}` }), [409, 'ServicePortInUse']);
  assert.deepEqual(await errorOf(change), [409, 'PortBound']);
});

test('quotas', async () => {
  const mine = await fixture.store.networks.find({ id: own['networks'] ?? '' });
  for (let index = 0; index < 1000; index++) await fixture.store.networks.insert({ ...mine, id: `n${index}` });

  assert.deepEqual(await errorOf({ ...post('network', {}), headers: member }), [409, 'OverQuota']);
});
