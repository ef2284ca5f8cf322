import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '#domain/faults.ts';
import { parseAddress } from '#domain/ip-addresses.ts';
import { type PlanRequest, planSubnet } from './subnet-plan.ts';

const v4 = { ip_version: 4, cidr: '10.0.0.0/24' } as const;

test('by default, the first address is the gateway and all others are in the pool', () => {
  const plan = planSubnet(v4);

  assert.equal(plan.gateway_ip, '10.0.0.1');
  assert.deepEqual(plan.allocation_pools, [{ start: '10.0.0.2', end: '10.0.0.254' }]);
});

test('splits the pool at a gateway in the middle, and keeps it whole without a gateway', () => {
  const middle = planSubnet({ ...v4, gateway_ip: '10.0.0.100' });
  const none = planSubnet({ ...v4, gateway_ip: null });

  assert.deepEqual(middle.allocation_pools, [
    { start: '10.0.0.1', end: '10.0.0.99' },
    { start: '10.0.0.101', end: '10.0.0.254' },
  ]);
  assert.equal(none.gateway_ip, null);
  assert.deepEqual(none.allocation_pools, [{ start: '10.0.0.1', end: '10.0.0.254' }]);
});

test('returns IPv6 in canonical form', () => {
  const plan = planSubnet({ ip_version: 6, cidr: '2001:DB8:0::/64', dns_nameservers: ['2001:db8:0:0::0053'] });

  assert.equal(plan.cidr, '2001:db8::/64');
  assert.deepEqual(plan.dns_nameservers, ['2001:db8::53']);
  assert.deepEqual(plan.allocation_pools, [{ start: '2001:db8::2', end: '2001:db8::ffff:ffff:ffff:ffff' }]);
});

test('drops the host bits of a CIDR', () => {
  const plan = planSubnet({ ip_version: 4, cidr: '10.0.0.5/24' });

  assert.deepEqual([plan.cidr, plan.gateway_ip], ['10.0.0.0/24', '10.0.0.1']);
});

test('rejects what does not fit by its field', () => {
  const cases: [Partial<PlanRequest>, RegExp][] = [
    [{ cidr: '10.0.0.0' }, /cidr: '10.0.0.0' is not a valid IP subnet/],
    [{ cidr: '2001:db8::/64' }, /cidr: .* not of ip_version 4/],
    [{ gateway_ip: '10.0.1.1' }, /gateway_ip/],
    [{ gateway_ip: '10.0.0.255' }, /gateway_ip/],
    [{ allocation_pools: [{ start: '10.0.0.9', end: '10.0.0.5' }] }, /allocation_pools: .* is not a range/],
    [{ allocation_pools: [{ start: '10.0.0.9', end: '10.0.1.5' }] }, /allocation_pools: .* is not a range/],
    [{ dns_nameservers: ['dns.example'] }, /dns_nameservers: 'dns.example'/],
    [{ host_routes: [{ destination: '10.1.0.0/16', nexthop: 'x' }] }, /host_routes: 'x'/],
    [{ host_routes: [{ destination: '2001:db8::/64', nexthop: '10.0.0.2' }] }, /host_routes: .* not of ip_version 4/],
    [{ host_routes: [{ destination: '10.1.0.0/16', nexthop: '2001:db8::1' }] }, /host_routes: .* not of ip_version 4/],
    [{ host_routes: Array(21).fill({ destination: '10.1.0.0/16', nexthop: '10.0.0.2' }) }, /host_routes: there may be 20/],
    [{ dns_nameservers: ['2001:db8::53'] }, /dns_nameservers: .* not of ip_version 4/],
    [{ dns_nameservers: ['9.9.9.9', '9.9.9.9'] }, /dns_nameservers: .* twice/],
    [{ dns_nameservers: [1, 2, 3, 4, 5, 6].map((last) => `9.9.9.${last}`) }, /dns_nameservers: there may be 5/],
    [{ dns_nameservers: ['9.9.9.9\ndhcp-script=/bin/sh'] }, /dns_nameservers/],
    [{ cidr: '0.0.0.0/0' }, /cidr: 0 is not allowed as CIDR prefix length/],
    [{ cidr: '127.0.0.0/24' }, /cidr: .*loopback/],
    [{ cidr: '169.254.0.0/16' }, /cidr: .*link-local/],
    [{ cidr: '224.1.0.0/16' }, /cidr: .*multicast/],
    [{ ip_version: 6, cidr: '::/64' }, /cidr: .*unspecified/],
    [{ ip_version: 6, cidr: 'fe80::/64' }, /cidr: .*link-local/],
  ];
  for (const [fields, expected] of cases)
    assert.throws(() => planSubnet({ ...v4, ...fields }), { code: 'badRequest', message: expected });
});

test("pool conflicts have Neutron's exception names", () => {
  const pools = (...ranges: [start: string, end: string][]) => ranges.map(([start, end]) => ({ start, end }));
  const cases: [Partial<PlanRequest>, code: string, type: string | undefined, message: RegExp][] = [
    [
      { allocation_pools: pools(['10.0.0.1', '10.0.0.5']) },
      'conflict',
      'GatewayConflictWithAllocationPools',
      /allocation_pools: .* contains the gateway/,
    ],
    [
      { allocation_pools: pools(['10.0.0.2', '10.0.0.5'], ['10.0.0.5', '10.0.0.9']) },
      'conflict',
      'OverlappingAllocationPools',
      /overlap/,
    ],
    [{ allocation_pools: pools(['10.0.0.9', '10.0.0.5']) }, 'badRequest', 'InvalidAllocationPool', /is not a range/],
    [{ allocation_pools: pools(['10.0.0.9', '10.0.1.5']) }, 'badRequest', 'OutOfBoundsAllocationPool', /is not a range/],
    [{ dns_nameservers: [1, 2, 3, 4, 5, 6].map((last) => `9.9.9.${last}`) }, 'badRequest', 'DNSNameServersExhausted', /may be 5/],
    [{ gateway_ip: '10.0.1.1' }, 'badRequest', undefined, /gateway_ip/],
  ];

  for (const [fields, code, type, message] of cases)
    assert.throws(
      () => planSubnet({ ...v4, ...fields }),
      (error: Fault) => {
        assert.deepEqual([error.code, error.fields['type']], [code, type]);
        assert.match(error.message, message);
        return true;
      },
    );
});

const rangeOf = (start: string, end = start) => ({
  version: 4 as const,
  first: parseAddress(start)!.value,
  last: parseAddress(end)!.value,
});

test("excludes the site's own addresses from default and chosen pools", () => {
  const pool = [rangeOf('10.0.0.200', '10.0.0.250')];
  const reserved = { site: [rangeOf('10.0.0.5'), ...pool, rangeOf('192.168.7.1', '192.168.7.9')], pool };

  assert.deepEqual(planSubnet({ ip_version: 4, cidr: '10.0.0.0/24' }, reserved).allocation_pools, [
    { start: '10.0.0.2', end: '10.0.0.4' },
    { start: '10.0.0.6', end: '10.0.0.199' },
    { start: '10.0.0.251', end: '10.0.0.254' },
  ]);
  assert.throws(() => planSubnet({ ...v4, gateway_ip: '10.0.0.201' }, reserved), /gateway_ip: 10\.0\.0\.201 is among/);
  const pools = [{ start: '10.0.0.100', end: '10.0.0.210' }];
  assert.throws(
    () => planSubnet({ ip_version: 4, cidr: '10.0.0.0/24', allocation_pools: pools }, reserved),
    /addresses of Ingot itself/,
  );
  // Of a reserved range that begins outside the subnet, the part inside counts.
  assert.deepEqual(planSubnet({ ip_version: 4, cidr: '10.0.0.248/29', gateway_ip: null }, reserved).allocation_pools, [
    { start: '10.0.0.251', end: '10.0.0.254' },
  ]);
});
