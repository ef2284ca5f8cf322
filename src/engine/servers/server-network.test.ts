import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '#store/tables/networks.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { anAvailableNode, aServerRequest, aStep, type Cloud, testCloud, untilIdle } from '#test/a-cloud.ts';
import { allocatePort } from './addresses.ts';
import { attachPort, detachPort, networkFacts } from './server-network.ts';

const at = '2026-01-01T00:00:00.000Z';
const flags = {
  admin_state_up: true,
  shared: true,
  external: false,
  mtu: 1500,
  qos_policy_id: null,
  dns_domain: '',
  availability_zone_hints: [],
  port_security_enabled: true,
  tags: [],
  revision_number: 1,

  description: '',
};
const aNetwork: Network = { id: 'net', name: 'net', project_id: 'p', ...flags, created_at: at, updated_at: at };

test('binds a port requested by two servers to one of them, and fails the other', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  for (const name of ['n1', 'n2']) await anAvailableNode(cloud, name);
  const network = await cloud.store.networks.insert(aNetwork);
  const port = await allocatePort(cloud.store, { network, project_id: 'p' });

  const request = { ...aServerRequest, networks: [{ port_id: port.id }] };
  const created = await Promise.all([cloud.engine.createServers(request), cloud.engine.createServers(request)]);
  await untilIdle(cloud);
  const servers = await cloud.store.servers.list({ id: created.flat().map(({ id }) => id) });
  assert.deepEqual(servers.map(({ vm_state }) => vm_state).sort(), ['active', 'error']);
  const winner = servers.find(({ vm_state }) => vm_state === 'active');
  assert.match(servers.find(({ vm_state }) => vm_state === 'error')?.fault?.message ?? '', /is still in use/);
  assert.equal((await cloud.store.ports.find({ id: port.id }))?.device_id, winner?.id);
  const bound = await cloud.store.node_ports.list({ vif_port_id: port.id });
  assert.deepEqual(
    bound.map(({ node_uuid }) => node_uuid),
    [winner?.node_uuid],
  );
  await cloud.store.close();
});

test('a port has the name of its server until the server is deleted', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  await anAvailableNode(cloud, 'n1');
  const network = await cloud.store.networks.insert(aNetwork);
  const port = await allocatePort(cloud.store, { network, project_id: 'p' });
  const nameOfPort = async () => (await cloud.store.ports.find({ id: port.id }))?.dns_name;

  const request = { ...aServerRequest, name: 'Web 1', networks: [{ port_id: port.id }] };
  const [{ id } = { id: '' }] = await cloud.engine.createServers(request);
  await untilIdle(cloud);
  assert.equal(await nameOfPort(), 'web-1');

  await cloud.engine.deleteServer(id);
  const [deletion] = await cloud.store.operations.list({ kind: 'delete' });
  await cloud.engine.ended(deletion?.id ?? '');
  assert.equal(await nameOfPort(), '');
  await cloud.engine.stop();
  await cloud.store.close();
});

test('a port that loses its server leaves the address made of the MAC to the next port of the NIC', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  const { store } = cloud;
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const network = await store.networks.insert(aNetwork);
  const subnet: Subnet = {
    ...{ id: 'six', name: 'six', network_id: 'net', project_id: 'p', description: '', tags: [], revision_number: 1 },
    ...{
      ip_version: 6,
      cidr: '2001:db8::/64',
      enable_dhcp: true,
      gateway_ip: null,
      subnetpool_id: null,
      segment_id: null,
      service_types: [],
    },
    ...{ allocation_pools: [], dns_nameservers: [], host_routes: [], created_at: at, updated_at: at },
    ...{ ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' },
  };
  await store.subnets.insert(subnet);
  const [first, second] = [
    await allocatePort(store, { network, project_id: 'p' }),
    await allocatePort(store, { network, project_id: 'p' }),
  ];
  const addressOf = async ({ id }: { id: string }) => (await store.ports.find({ id }))?.fixed_ips[0]?.ip_address;

  await attachPort(store, uuid, { id: first.id });
  const ofMachine = await addressOf(first);
  await detachPort(store, uuid, first.id);
  await attachPort(store, uuid, { id: second.id });

  assert.equal(await addressOf(second), ofMachine);
  const freed = await addressOf(first);
  assert.notEqual(freed, ofMachine);
  assert.equal((await store.ip_allocations.find({ port_id: first.id }))?.ip_address, freed);
  await cloud.engine.stop();
  await store.close();
});

/** A node with a single NIC, a port group of two NICs, and one without. */
async function aBondedNode(cloud: Cloud, address: string | null) {
  const { uuid: node_uuid } = await anAvailableNode(cloud, 'bonded');
  const group = await cloud.engine.createPortGroup({ node_uuid, address, mode: '802.3ad', properties: { miimon: 100 } });
  await cloud.engine.createPortGroup({ node_uuid });
  const nics = [];
  for (const last of ['01', '02'])
    nics.push(
      await cloud.engine.createNodePort({
        ...{ node_uuid, address: `52:54:00:00:99:${last}`, portgroup_uuid: group.uuid, pxe_enabled: last === '02' },
      }),
    );
  return { node_uuid, group, nics };
}

const bound = async (cloud: Cloud, node_uuid: string) => {
  const [groups, nics] = [await cloud.store.portgroups.list({ node_uuid }), await cloud.store.node_ports.list({ node_uuid })];
  return [groups, nics].map((rows) => rows.flatMap(({ uuid, vif_port_id }) => (vif_port_id ? [[uuid, vif_port_id]] : [])));
};

test('the first network of a server goes to the port group of its node, the next to a NIC, and no NIC is used twice', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  const { node_uuid, group, nics } = await aBondedNode(cloud, '52:54:00:00:99:aa');
  await cloud.store.networks.insert(aNetwork);
  const networks = [{ network_id: 'net' }, { network_id: 'net' }];

  const [tooMany] = await cloud.engine.createServers({ ...aServerRequest, networks: [...networks, { network_id: 'net' }] });
  const [{ id } = { id: '' }] = await cloud.engine.createServers({ ...aServerRequest, networks });
  await untilIdle(cloud);
  const server = await cloud.store.servers.find({ id });
  const [first = '', second = ''] = server?.port_ids ?? [];
  const macs = (await cloud.store.ports.list({ id: [first, second] })).map((port) => [port.id, port.mac_address]);

  assert.match(tooMany?.fault?.message ?? '', /fewer than 3 NICs/);
  assert.equal(server?.vm_state, 'active');
  const free = await cloud.store.node_ports.find({ vif_port_id: second });
  assert.equal(free?.portgroup_uuid, null);
  assert.deepEqual(await bound(cloud, node_uuid), [[[group.uuid, first]], [[free?.uuid, second]]]);
  assert.deepEqual(new Map(macs as [string, string][]).get(first), '52:54:00:00:99:aa');
  const { bonds } = await networkFacts(cloud.store, server as Server);
  const members = nics.map(({ uuid, address }) => ({ id: uuid, mac_address: address }));
  assert.deepEqual(bonds, [{ vif_port_id: first, mode: '802.3ad', properties: { miimon: 100 }, members }]);

  await assert.rejects(cloud.engine.deleteNodePort(nics[0]?.uuid ?? ''), /is in use by network port/);
  const rename = cloud.engine.updatePortGroup(group.uuid, async () => ({ address: null }));
  await assert.rejects(rename, /is in use by network port/);
  await cloud.engine.setMaintenance(node_uuid, true);
  const leave = cloud.engine.updateNodePort(nics[0]?.uuid ?? '', { portgroup_uuid: null });
  await assert.rejects(leave, /is in use by network port/);
  await cloud.engine.setMaintenance(node_uuid, false);

  await cloud.engine.deleteServer(id);
  const [deletion] = await cloud.store.operations.list({ kind: 'delete' });
  await cloud.engine.ended(deletion?.id ?? '');
  assert.deepEqual(await bound(cloud, node_uuid), [[], []]);
  await cloud.engine.stop();
  await cloud.store.close();
});

test('a port group without an address has that of the member that boots', async () => {
  const cloud = await testCloud({ steps: [aStep('work', async () => ({ next: true }))] });
  const { nics } = await aBondedNode(cloud, null);
  await cloud.store.networks.insert(aNetwork);

  const [{ id } = { id: '' }] = await cloud.engine.createServers({ ...aServerRequest, networks: [{ network_id: 'net' }] });
  await untilIdle(cloud);
  const ports = await cloud.store.ports.list({ device_id: id });

  assert.deepEqual(
    ports.map(({ mac_address }) => mac_address),
    [nics[1]?.address],
  );
  await cloud.store.close();
});

test('a network port attached to a node is free again once the node is deleted', async () => {
  const cloud = await testCloud();
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const network = await cloud.store.networks.insert(aNetwork);
  const { id } = await allocatePort(cloud.store, { network, project_id: 'p' });
  await cloud.engine.attachVif(uuid, { id });

  await cloud.engine.deleteNode(uuid);

  const port = await cloud.store.ports.find({ id });
  assert.deepEqual([port?.device_id, port?.device_owner, port?.status], ['', '', 'DOWN']);
  await cloud.store.close();
});

test('a port group in use by a network port is not deleted', async () => {
  const cloud = await testCloud();
  const { uuid: node_uuid } = await anAvailableNode(cloud, 'n1');
  const group = await cloud.engine.createPortGroup({ node_uuid, address: '52:54:00:00:99:aa', mode: '802.3ad' });
  await cloud.store.portgroups.update({ uuid: group.uuid }, { vif_port_id: 'vif' });

  await assert.rejects(cloud.engine.deletePortGroup(group.uuid), { code: 'conflict', message: /in use by network port vif/ });
  await cloud.store.close();
});
