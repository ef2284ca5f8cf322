import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore, type Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { anAvailableNode, aServerRequest, aStep, testCloud, untilIdle } from '#test/a-cloud.ts';
import { type PortAddress, PortAddresses, readPortAddresses } from './port-addresses.ts';

const at = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
const common = { project_id: 'p', description: '', tags: [], revision_number: 1, ...at };
const network: Network = {
  ...{
    id: 'net',
    name: 'net',
    admin_state_up: true,
    shared: true,
    external: false,
    mtu: 1500,
    qos_policy_id: null,
    dns_domain: '',
  },
  ...{ port_security_enabled: true, availability_zone_hints: [], ...common },
};
const subnet: Subnet = {
  ...{ id: 'sub', name: 'sub', network_id: 'net', ip_version: 4, cidr: '172.30.0.0/24', gateway_ip: '172.30.0.254' },
  ...{ enable_dhcp: true, dns_nameservers: [], allocation_pools: [], host_routes: [], ...common },
  ...{ subnetpool_id: null, segment_id: null, ipv6_address_mode: null, ipv6_ra_mode: null, service_types: [] },
};

/** Every fact that becomes an option, while `read` runs. */
async function withFacts<T>(store: Store, read: () => Promise<T>): Promise<T> {
  await store.subnets.insert({ ...subnet, id: 'sub-2', cidr: '172.30.1.0/24', gateway_ip: null });
  const host_routes = [{ destination: '10.1.0.0/16', nexthop: '172.30.0.7' }];
  await store.subnets.update({ id: 'sub' }, { host_routes, dns_nameservers: ['9.9.9.9'] });
  await store.networks.update({ id: 'net' }, { mtu: 1450 });
  const [port] = await store.ports.list({ network_id: 'net' });
  const option = { opt_name: 'ntp-server', opt_value: '172.30.0.8', ip_version: 4 } as const;
  const extra_dhcp_opts = [option, { ...option, ip_version: 6 as const }];
  await store.ports.update({ id: port!.id }, { dns_name: '', extra_dhcp_opts });
  const result = await read();
  await store.subnets.remove({ id: 'sub-2' });
  return result;
}

test('DHCP knows the address of a server’s port, until the server is deleted', async (t) => {
  const cloud = await testCloud({ store: await openStore(':memory:'), steps: [aStep('work', async () => ({ next: true }))] });
  t.after(() => cloud.store.close());
  const { store } = cloud;
  const node = await anAvailableNode(cloud, 'n1');
  await store.networks.insert(network);
  await store.subnets.insert({ ...subnet, allocation_pools: [{ start: '172.30.0.9', end: '172.30.0.9' }] });
  const settings = { ...cloud.settings, 'provisioning.cidr': '172.30.0.0/24', 'provisioning.gateway': '172.30.0.254' };
  const heard: (readonly PortAddress[])[] = [];
  let next = Promise.withResolvers<void>();
  const untilHeard = async (count: number) => {
    while (heard.at(-1)?.length !== count) {
      await next.promise;
      next = Promise.withResolvers();
    }
  };
  const addresses = new PortAddresses({
    ...{ store, settings, log: { warn: assert.fail } },
    async assign(ports) {
      heard.push(ports);
      next.resolve();
    },
  });
  addresses.start();

  const [server] = await cloud.engine.createServers({ ...aServerRequest, networks: [{ network_id: 'net' }] });
  await untilHeard(1);
  await untilIdle(cloud);
  const read = (changes: object) => readPortAddresses(store, { ...settings, ...changes });
  const [elsewhere] = await read({ 'provisioning.gateway': '172.30.0.1' });
  const others = [await read({ 'provisioning.cidr': '10.0.0.0/8' })];
  const [reported] = await withFacts(store, () => read({}));
  await store.subnets.update({ id: 'sub' }, { enable_dhcp: false });
  others.push(await read({}));
  await store.subnets.update({ id: 'sub' }, { enable_dhcp: true });
  await cloud.engine.deleteServer(server!.id);
  const [deletion] = await store.operations.list({ kind: 'delete' });
  await cloud.engine.ended(deletion?.id ?? '');
  await untilHeard(0);
  await addresses.stop();
  await cloud.engine.stop();

  const [nic] = await store.node_ports.list({ node_uuid: node.uuid });
  assert.deepEqual(heard[0], [{ mac: nic?.address, address: '172.30.0.9', hostname: server?.hostname, options: [] }]);
  assert.deepEqual(elsewhere?.options, [{ name: 'router', value: '172.30.0.254' }]);
  const route = '172.30.1.0/24,0.0.0.0,10.1.0.0/16,172.30.0.7,0.0.0.0/0,172.30.0.254';
  assert.deepEqual(
    reported?.options.map(({ name, value }) => `${name}=${value}`),
    ['dns-server=9.9.9.9', `classless-static-route=${route}`, `249=${route}`, 'mtu=1450', 'ntp-server=172.30.0.8'],
  );
  assert.equal(reported?.hostname, 'host-172-30-0-9');
  assert.deepEqual(others, [[], []]);
  assert.deepEqual(await read({}), []);
});
