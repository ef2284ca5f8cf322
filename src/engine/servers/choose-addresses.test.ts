import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { formatAddress, parseAddress } from '#domain/ip-addresses.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import { aStore } from '#test/a-store.ts';
import { allocatePort, readdressPort, releasePort } from './addresses.ts';

const at = '2026-01-01T00:00:00.000Z';
const reserved = siteRanges({
  'provisioning.address': '10.0.0.5',
  'provisioning.cidr': '10.0.0.0/24',
  'provisioning.pool': '10.0.0.12-10.0.0.15',
  'provisioning.gateway': '10.0.0.1',
  'provisioning.dns': ['10.0.0.8'],
});
const neverGiven = [0, 1, 5, 8, 12, 13, 14, 15, 20, 31, 255];

async function aNetwork(
  store: Store,
  subnet: { cidr: string; gateway_ip: string | null; pools: [string, string][] },
): Promise<Network> {
  const flags = { admin_state_up: true, shared: false, external: false, mtu: 1500, description: '' };
  const times = { created_at: at, updated_at: at };
  const network = await store.networks.insert({ id: randomUUID(), name: '', project_id: 'p', ...flags, ...times });
  const { cidr, gateway_ip, pools } = subnet;
  const lists = { dns_nameservers: [], host_routes: [], allocation_pools: pools.map(([start, end]) => ({ start, end })) };
  const rest = { name: '', network_id: network.id, project_id: 'p', ip_version: cidr.includes(':') ? 6 : 4, enable_dhcp: true };
  await store.subnets.insert({ id: randomUUID(), ...rest, cidr, gateway_ip, ...lists, description: '', ...times });
  return network;
}

/** Reference implementation: scans the pools upwards, without regard to speed. */
function lowestOf(pools: readonly (readonly [number, number])[], taken: ReadonlySet<number>): number | undefined {
  for (const [first, last] of pools) {
    for (let number = first; number <= last; number++) if (!taken.has(number) && !neverGiven.includes(number)) return number;
  }
  return undefined;
}

const lastOf = (address = '') => Number(address.split('.')[3]);
const faultOf = (error: unknown) => (error as { code: string }).code;

test('chooses the lowest free address on two networks of one segment, as a linear search would', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const first: [number, number][] = [
    [0, 9],
    [11, 21],
  ];
  const second: [number, number][] = [[6, 31]];
  const texts = (pools: [number, number][]) =>
    pools.map(([start, end]): [string, string] => [`10.0.0.${start}`, `10.0.0.${end}`]);
  const networks = [
    { pools: first, network: await aNetwork(store, { cidr: '10.0.0.0/24', gateway_ip: '10.0.0.1', pools: texts(first) }) },
    { pools: second, network: await aNetwork(store, { cidr: '10.0.0.0/27', gateway_ip: '10.0.0.20', pools: texts(second) }) },
  ];
  const ports = new Map<string, number>();
  const log: string[] = [];

  for (let round = 0; round < 400; round++) {
    const { pools, network } = networks[randomInt(2)]!;
    const taken = new Set(ports.values());
    if (randomInt(5) < 2 && ports.size > 0) {
      const id = [...ports.keys()][randomInt(ports.size)]!;
      await releasePort(store, id);
      ports.delete(id);
      log.push(`release ${id}`);
      continue;
    }
    const wanted = randomInt(3) === 0 ? randomInt(32) : undefined;
    const isOutside = wanted !== undefined && (wanted === 0 || (pools === second && wanted === 31));
    const isBarred = wanted !== undefined && wanted !== 31 && neverGiven.includes(wanted);
    const fixed_ips = wanted === undefined ? undefined : [{ ip_address: `10.0.0.${wanted}` }];
    const given = await allocatePort(store, { network, project_id: 'p', reserved, ...(fixed_ips && { fixed_ips }) }).catch(
      faultOf,
    );
    const free = wanted ?? lowestOf(pools, taken);
    const expected =
      (isOutside && 'invalidIpForNetwork') ||
      (free === undefined && 'ipAddressGenerationFailure') ||
      ((isBarred || taken.has(free!)) && 'ipAddressInUse') ||
      free;
    const found = typeof given === 'string' ? given : lastOf(given.fixed_ips[0]?.ip_address);
    log.push(`${wanted ?? 'any'} of ${JSON.stringify(pools)}: ${found}`);
    assert.equal(found, expected, log.join('\n'));
    if (typeof given !== 'string') ports.set(given.id, found as number);
  }
  const rows = await store.ip_allocations.list();
  assert.deepEqual(rows.map(({ ip_address }) => lastOf(ip_address)).sort(), [...ports.values()].sort());
});

test('finds the first free address among thousands in a /64 with few queries', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const network = await aNetwork(store, {
    cidr: '2001:db8::/64',
    gateway_ip: null,
    pools: [['2001:db8::1', '2001:db8::ffff:ffff:ffff:ffff']],
  });
  const start = parseAddress('2001:db8::1')!.value;
  const [subnet] = await store.subnets.list();
  const holder = await allocatePort(store, { network, project_id: 'p', fixed_ips: [] });
  for (let index = 0n; index < 3000n; index++) {
    if (index === 2500n) continue;
    const value = start + index;
    const ip_address = formatAddress({ version: 6, value });
    const sort_key = `6:${value.toString(16).padStart(32, '0')}`;
    await store.ip_allocations.insert({ ip_address, sort_key, subnet_id: subnet!.id, port_id: holder.id });
  }

  const [one, two] = [
    await allocatePort(store, { network, project_id: 'p' }),
    await allocatePort(store, { network, project_id: 'p' }),
  ];

  assert.equal(one.fixed_ips[0]?.ip_address, formatAddress({ version: 6, value: start + 2500n }));
  assert.equal(two.fixed_ips[0]?.ip_address, formatAddress({ version: 6, value: start + 3000n }));
});

test('the database rejects a second port with the same address or MAC as a conflict', async (t) => {
  const store = await aStore();
  t.after(() => store.close());
  const network = await aNetwork(store, { cidr: '10.0.0.0/24', gateway_ip: null, pools: [['10.0.0.40', '10.0.0.60']] });
  const port = await allocatePort(store, { network, project_id: 'p' });
  const other = await allocatePort(store, { network, project_id: 'q' });
  const [fixed] = port.fixed_ips;

  const row = { ip_address: fixed!.ip_address, sort_key: 'other', subnet_id: fixed!.subnet_id, port_id: other.id };
  await assert.rejects(store.ip_allocations.insert(row), { status: 409 });
  await assert.rejects(readdressPort(store, other, { mac_address: port.mac_address }), { code: 'macAddressInUse' });
  const [lost] = other.fixed_ips;
  await assert.rejects(readdressPort(store, other, { fixed_ips: [{ ip_address: fixed!.ip_address }] }), {
    code: 'ipAddressInUse',
  });
  assert.equal(
    (await store.ip_allocations.find({ ip_address: lost!.ip_address }))?.port_id,
    other.id,
    'a refusal takes nothing away',
  );
});
