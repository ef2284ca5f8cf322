/** Packets through the routers of a running Ingot. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RoutedNetwork, whyNoRouters } from '#test/a-routed-network.ts';

const skip = whyNoRouters();
const internet = '198.51.100.7';
let site: RoutedNetwork;

before(async () => {
  if (skip) return;
  site = new RoutedNetwork();
  site.add('one', 'inside', { address: '10.1.0.5/24', gateway: '10.1.0.1' });
  site.add('two', 'inside', { address: '10.2.0.5/24', gateway: '10.2.0.1' });
  site.add('out', 'outside', { address: '203.0.113.1/24' });
  site.ip('out', ['addr', 'add', `${internet}/32`, 'dev', 'lo']);
  await Promise.all([
    site.start({ 'network.router_check_interval': '0' }),
    ...['one', 'two', 'out'].map((name) => site.listen(name, 80)),
    site.listen('two', 2001),
    site.listen('host', 8090),
    site.repeat('one', 7),
  ]);
});
after(() => site?.close());

const portsUp = (router: string) =>
  site.ask('GET', `ports?device_id=${router}`).ports.every(({ status }: { status: string }) => status === 'ACTIVE');

test('routers forward what their records say, and nothing else', { skip }, async (t) => {
  const external = site.addExternal();
  const one = site.addTenant('10.1.0', external);
  const two = site.addTenant('10.2.0', external);
  await site.until('the ports of both routers are ACTIVE', () => portsUp(one.router) && portsUp(two.router));

  await t.test('a machine without floating IP reaches the outside under the address of the gateway', () => {
    assert.equal(site.from('one', internet, 80), `out ${one.gateway}`);
    assert.equal(site.from('two', internet, 80), `out ${two.gateway}`);
  });
  await t.test('the outside does not reach it, also by a route to its router', () => {
    site.ip('out', ['route', 'add', '10.1.0.0/24', 'via', one.gateway]);
    assert.ok(site.isClosed('out', '10.1.0.5', 80));
    assert.ok(site.isClosed('out', one.gateway, 80));
  });
  await t.test('it reaches neither the host of Ingot nor metadata services', () => {
    assert.equal(site.from('out', site.hostOutside, 8090), 'host 203.0.113.1');
    for (const address of [site.provisioning, site.hostOutside]) {
      assert.ok(site.isClosed('one', address, 8090), address);
      assert.ok(!site.pings('one', address), address);
    }
    assert.equal(site.pings('one', '169.254.169.254'), false);
  });
  await t.test('it does not reach the network of another router, also not by a route of its own', async () => {
    assert.ok(site.isClosed('one', '10.2.0.5', 80));
    const routes = [{ destination: '10.2.0.0/24', nexthop: two.gateway }];
    site.ask('PUT', `routers/${one.router}`, { router: { routes } });
    await site.until('the route is there', () =>
      site.inRouter(one.router, ['ip', 'route']).includes(`10.2.0.0/24 via ${two.gateway}`),
    );
    assert.ok(site.isClosed('one', '10.2.0.5', 80));
    site.ask('PUT', `routers/${one.router}`, { router: { routes: [] } });
  });

  const next = '203.0.113.22';
  site.ip('out', ['neigh', 'replace', next, 'lladdr', '02:00:00:00:00:99', 'nud', 'stale', 'dev', 'eth0']);
  const floating = await site.addFloating(external, one.port);
  await t.test('neighbours that knew the address elsewhere learn where it is now', () => {
    assert.equal(floating.address, next);
    const mac = /qg-\S+.*? link\/ether (\S+)/.exec(site.inRouter(one.router, ['ip', '-o', 'link']))?.[1] ?? '';
    assert.ok(site.ip('out', ['neigh', 'show', next]).includes(` lladdr ${mac} `));
  });
  await t.test('a floating IP leads to its machine, and is its address outside', () => {
    assert.equal(site.from('out', floating.address, 80), 'one 203.0.113.1');
    assert.ok(site.pings('out', floating.address));
    assert.equal(site.from('one', internet, 80), `out ${floating.address}`);
    assert.equal(site.from('two', floating.address, 80), `one ${two.gateway}`);
  });
  const shared = site.ask('POST', 'floatingips', { floatingip: { floating_network_id: external } }).floatingip;
  const address = shared.floating_ip_address;
  await t.test('port forwardings lead to their ports', async () => {
    const target = { protocol: 'tcp', internal_port_id: two.port, internal_ip_address: '10.2.0.5' };
    const forward = (ports: object) =>
      site.ask('POST', `floatingips/${shared.id}/port_forwardings`, { port_forwarding: { ...target, ...ports } });
    forward({ external_port: 8080, internal_port: 80 });
    const range = forward({ external_port_range: '3000:3002', internal_port_range: '2000:2002' });
    await site.until('the floating IP is ACTIVE', () => site.floatingStatus(shared.id) === 'ACTIVE');
    await site.until('the range is forwarded', () => site.from('out', address, 3001, 1) === 'two 203.0.113.1');
    assert.equal(site.from('out', address, 8080), 'two 203.0.113.1');
    assert.ok(site.isClosed('out', address, 80));
    assert.ok(site.isClosed('out', address, 2001));
    site.ask('DELETE', `floatingips/${shared.id}/port_forwardings/${range.port_forwarding.id}`);
    await site.until('the range is no longer forwarded', () => site.isClosed('out', address, 3001));
    assert.equal(site.from('out', address, 8080), 'two 203.0.113.1');
  });
  await t.test('a connection ends with the floating IP by which it came', async () => {
    const say = site.connect('out', floating.address, 7);
    assert.ok(await say('before'));
    site.ask('PUT', `floatingips/${floating.id}`, { floatingip: { port_id: null } });
    await site.until('the machine has no floating IP', () => site.from('one', internet, 80, 1) === `out ${one.gateway}`);
    assert.ok(site.isClosed('out', floating.address, 80));
    assert.equal(await say('after'), false);
    assert.equal(site.floatingStatus(floating.id), 'DOWN');
  });
});
