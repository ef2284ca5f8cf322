import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import { aStore } from '#test/a-store.ts';
import { addressIsIn, allocatePort, readdressPort, releasePort } from './addresses.ts';

const now = new Date().toISOString();

type Range = { cidr: string; start: string; end: string };

async function aNetwork(store: Store, ranges: readonly Range[]): Promise<Network> {
  const network = await store.networks.insert({
    id: randomUUID(),
    name: 'net',
    project_id: 'p',
    admin_state_up: true,
    shared: false,
    external: false,
    mtu: 1500,

    description: '',
    created_at: now,
    updated_at: now,
  });
  for (const { cidr, start, end } of ranges) {
    await store.subnets.insert({
      id: `${network.id} ${cidr}`,
      name: '',
      network_id: network.id,
      project_id: 'p',
      ip_version: cidr.includes(':') ? 6 : 4,
      cidr,
      gateway_ip: null,
      enable_dhcp: true,
      dns_nameservers: [],
      allocation_pools: [{ start, end }],
      host_routes: [],
      description: '',
      created_at: now,
      updated_at: now,
    });
  }
  return network;
}

const small = { cidr: '10.0.0.0/24', start: '10.0.0.10', end: '10.0.0.59' };

test('eighty concurrent requests for fifty addresses get fifty different ones and thirty rejections', async () => {
  const store = await aStore();
  const network = await aNetwork(store, [small]);

  const results = await Promise.allSettled(Array.from({ length: 80 }, () => allocatePort(store, { network, project_id: 'p' })));

  const ports = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
  assert.equal(new Set(ports.map((port) => port.fixed_ips[0]?.ip_address)).size, 50);
  assert.equal(new Set(ports.map((port) => port.mac_address)).size, 50);
  assert.deepEqual(faults, Array(30).fill('ipAddressGenerationFailure'));
  await store.close();
});

test('a port has one address of each IP version of its network', async () => {
  const store = await aStore();
  const network = await aNetwork(store, [
    small,
    { cidr: '10.1.0.0/24', start: '10.1.0.10', end: '10.1.0.20' },
    { cidr: '2001:db8::/64', start: '2001:db8::a', end: '2001:db8::ffff' },
  ]);
  const bare = await aNetwork(store, []);

  const port = await allocatePort(store, { network, project_id: 'p' });
  const none = await allocatePort(store, { network: bare, project_id: 'p' });

  assert.deepEqual(
    port.fixed_ips.map((fixed) => fixed.ip_address),
    ['10.0.0.10', '2001:db8::a'],
  );
  assert.match(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/);
  assert.deepEqual(none.fixed_ips, []);
  await store.close();
});

test('assigns a requested address if it is free and valid', async () => {
  const store = await aStore();
  const network = await aNetwork(store, [small]);
  const ask = (ip_address: string) => allocatePort(store, { network, project_id: 'p', fixed_ips: [{ ip_address }] });

  const port = await ask('10.0.0.200');

  assert.equal(port.fixed_ips[0]?.subnet_id, `${network.id} 10.0.0.0/24`);
  await assert.rejects(ask('10.0.0.200'), { code: 'ipAddressInUse', status: 409 });
  await assert.rejects(ask('10.9.9.9'), { code: 'invalidIpForNetwork', status: 400 });
  await assert.rejects(ask('ten'), { code: 'badRequest' });
  await releasePort(store, port.id);
  assert.equal((await ask('10.0.0.200')).fixed_ips.length, 1);
  await store.close();
});

test('a MAC is unique on its network; an updated port may keep its own', async () => {
  const store = await aStore();
  const network = await aNetwork(store, [small]);
  const mac_address = '52:54:00:00:00:01';
  const port = await allocatePort(store, { network, project_id: 'p', mac_address });
  const [own] = port.fixed_ips;

  await assert.rejects(allocatePort(store, { network, project_id: 'p', mac_address }), { code: 'macAddressInUse' });
  const kept = await readdressPort(store, port, { mac_address, fixed_ips: [{ ip_address: own!.ip_address }] });
  const moved = await readdressPort(store, port, { fixed_ips: [{ ip_address: '10.0.0.50' }] });

  assert.deepEqual(kept.fixed_ips, [own]);
  assert.equal((await store.ports.find({ id: port.id }))?.fixed_ips[0]?.ip_address, '10.0.0.50');
  assert.equal(moved.mac_address, mac_address);
  await store.close();
});

test('a port is rolled back with the transaction of its caller', async () => {
  const store = await aStore();
  const network = await aNetwork(store, [small]);

  const work = store.transaction(async (trx) => {
    await allocatePort(trx, { network, project_id: 'p' });
    throw new Error('changed my mind');
  });

  await assert.rejects(work, /changed my mind/);
  assert.deepEqual(await store.ports.list(), []);
  await store.close();
});

test('addressIsIn', () => {
  assert.ok(addressIsIn('10.0.0.255', '10.0.0.0/24'));
  assert.ok(!addressIsIn('10.0.1.0', '10.0.0.0/24'));
  assert.ok(!addressIsIn('10.0.0.1', ''));
});
