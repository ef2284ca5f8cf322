import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { whyNoRouters } from '#test/a-routed-network.ts';
import { rulesetOf } from './ruleset.ts';
import type { WantedRouter } from './wanted.ts';

const limits = { hostAddresses: ['172.30.0.1', 'fe80::1'], allowed: ['10.200.0.0/16'] };
const inside = {
  port: 'p',
  name: 'qr-0123456789a',
  hostName: 'igr0123456789ab',
  mac: 'fa:16:3e:00:00:01',
  addresses: ['10.1.0.1/24'],
  cidrs: ['10.1.0.0/24'],
};
const outside = { ...inside, name: 'qg-0123456789a', addresses: ['203.0.113.20/24'], cidrs: ['203.0.113.0/24'] };
const router: WantedRouter = {
  id: 'r',
  inside: [inside],
  outside,
  externalCidrs: ['203.0.113.0/24'],
  tenantCidrs: ['10.1.0.0/24', '10.1.0.128/25', '10.9.0.0/16'],
  snat: '203.0.113.20',
  routes: [],
  translations: [{ floating: '203.0.113.30', fixed: '10.1.0.5' }],
  forwardings: [
    { floating: '203.0.113.31', protocol: 'tcp', fixed: '10.1.0.6', external: [8080, 8080], internal: [80, 80] },
    { floating: '203.0.113.31', protocol: 'udp', fixed: '10.1.0.6', external: [5000, 5009], internal: [5000, 5009] },
    { floating: '203.0.113.31', protocol: 'tcp', fixed: '10.1.0.7', external: [90, 99], internal: [443, 443] },
    { floating: '203.0.113.31', protocol: 'sctp', fixed: '10.1.0.7', external: [100, 102], internal: [200, 202] },
  ],
};

/** nft loads the rules into a namespace of their own. */
function load(rules: string): string {
  const { stdout, stderr, status } = spawnSync('unshare', ['--net', 'sh', '-c', 'nft -f - && nft list ruleset'], {
    input: rules,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout.replace(/\s+/g, ' ');
}

test('nft loads the rules of all kinds of routers', { skip: whyNoRouters() }, () => {
  const { outside: _, snat: _snat, ...alone } = router;
  const loaded = load(rulesetOf(router, limits));
  const others: WantedRouter[] = [
    { ...alone, translations: [], forwardings: [] },
    { ...router, inside: [], tenantCidrs: [], translations: [], forwardings: [] },
    (({ snat: _none, ...rest }) => rest)(router),
  ];
  for (const other of others) load(rulesetOf(other, limits));

  for (const element of [
    '203.0.113.31 . tcp . 8080 : 10.1.0.6 . 80',
    '203.0.113.31 . udp . 5000-5009 : 10.1.0.6',
    '203.0.113.31 . tcp . 90-99 : 10.1.0.7 . 443',
    '203.0.113.31 . sctp . 101 : 10.1.0.7 . 201',
    '10.1.0.5 : 203.0.113.30',
  ])
    assert.ok(loaded.includes(element), `${element} in ${loaded}`);
});

test('never forwards to this host or to metadata services, and to private ranges only those that are allowed', () => {
  const rules = rulesetOf(router, limits);

  const setOf = (name: string) => new RegExp(`set ${name} .* elements = \\{ (.*) \\} \\}`).exec(rules)?.[1];
  assert.match(setOf('never') ?? '', /169\.254\.0\.0-169\.254\.255\.255, 172\.30\.0\.1, /);
  assert.equal(setOf('reachable'), '10.200.0.0-10.200.255.255, 203.0.113.0-203.0.113.255');
  assert.equal(setOf('tenants'), '10.1.0.0-10.1.0.255, 10.9.0.0-10.9.255.255');
  assert.match(
    rules,
    /hook forward priority filter; policy drop;\n {4}ct state invalid drop\n {4}ct direction original ip daddr @never drop/,
  );
});

test('a router that must not be gets no rules', () => {
  const [{ external: _, internal: _internal, ...forwarding } = assert.fail()] = router.forwardings;
  // As many as a project of the usual quotas can have.
  const range = { ...forwarding, external: [1, 1000], internal: [2, 1001] } as const;
  const forwardings = Array.from({ length: 5000 }, () => range);
  assert.throws(() => rulesetOf({ ...router, forwardings }, limits), /more than 20000 ports are forwarded/);

  for (const own of ['10.1.0.1', '203.0.113.20', '203.0.113.30', '203.0.113.31'])
    assert.throws(
      () => rulesetOf(router, { ...limits, hostAddresses: [own] }),
      new RegExp(`the address ${own} is that of this host`),
    );
});
