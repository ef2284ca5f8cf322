/** Routers on an interface that is no bridge, and the private networks to which they may forward. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RoutedNetwork, whyNoRouters } from '#test/a-routed-network.ts';

const skip = whyNoRouters();
const internet = '198.51.100.7';
const [allowed, refused] = ['192.168.77.7', '10.99.0.7'] as const;
let site: RoutedNetwork;

before(async () => {
  if (skip) return;
  site = new RoutedNetwork();
  site.add('one', 'inside', { address: '10.1.0.5/24', gateway: '10.1.0.1' });
  site.add('out', 'alone', { address: '203.0.113.1/24' });
  for (const address of [internet, allowed, refused]) site.ip('out', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
  await Promise.all([
    site.start({ 'network.router': 'to-out', 'network.router_private': '192.168.77.0/24' }),
    ...['one', 'out'].map((name) => site.listen(name, 80)),
  ]);
});
after(() => site?.close());

test('routers share an interface of the host as macvlan, and reach the private networks that are allowed', { skip }, async () => {
  const external = site.addExternal();
  const one = site.addTenant('10.1.0', external);
  await site.until('the router forwards', () => site.from('one', internet, 80, 1) === `out ${one.gateway}`);
  assert.match(site.inRouter(one.router, ['ip', '-d', 'link']), /qg-\S+.*? macvlan mode bridge/s);

  assert.equal(site.from('one', allowed, 80), `out ${one.gateway}`);
  assert.ok(site.isClosed('one', refused, 80));
  const floating = await site.addFloating(external, one.port);
  await site.until('the floating IP leads in', () => site.from('out', floating.address, 80, 1) === 'one 203.0.113.1');
  assert.equal(site.from('one', internet, 80), `out ${floating.address}`);
  assert.ok(site.isClosed('one', refused, 80));
});
