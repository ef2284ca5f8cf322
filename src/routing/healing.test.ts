/** What becomes of the data path of routers when Ingot, namespaces or records end. */
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RoutedNetwork, whyNoRouters } from '#test/a-routed-network.ts';

const skip = whyNoRouters();
const internet = '198.51.100.7';
const hardened = [
  ...['all.rp_filter', 'all.arp_ignore', 'all.send_redirects', 'default.accept_source_route'].map(
    (name) => `net.ipv4.conf.${name}`,
  ),
  'net.ipv4.ip_forward',
];
let site: RoutedNetwork;

before(async () => {
  if (skip) return;
  site = new RoutedNetwork();
  site.add('one', 'inside', { address: '10.1.0.5/24', gateway: '10.1.0.1' });
  site.add('two', 'inside', { address: '10.2.0.5/24', gateway: '10.2.0.1' });
  site.add('out', 'outside', { address: '203.0.113.1/24' });
  site.ip('out', ['addr', 'add', `${internet}/32`, 'dev', 'lo']);
  await Promise.all([site.start(), ...['one', 'two', 'out'].map((name) => site.listen(name, 80))]);
});
after(() => site?.close());

test('routers go on forwarding, are mended, and end with their records', { skip }, async (t) => {
  const external = site.addExternal();
  const one = site.addTenant('10.1.0', external);
  const two = site.addTenant('10.2.0', external);
  const floating = await site.addFloating(external, one.port);

  await t.test('they forward while Ingot does not run, and after its restart', async () => {
    await site.stop('SIGKILL');
    assert.equal(site.from('out', floating.address, 80), 'one 203.0.113.1');
    await site.start();
    assert.equal(site.from('out', floating.address, 80), 'one 203.0.113.1');
  });
  await t.test('what was changed behind its back is mended', async () => {
    const works = () => site.from('out', floating.address, 80, 1) === 'one 203.0.113.1';
    site.killRouter(one.router);
    // As if Ingot had ended right after it made the namespace.
    site.makeRouter(one.router);
    // The kernel ends the former one late, and it forwards until then. Interfaces come after the hardening.
    const isWhole = () => site.hasNamespace(one.router) && deviceOf('qg', one.router) !== '';
    await site.until('a lost namespace is made again', () => isWhole() && works());
    const values = () => site.inRouter(one.router, ['busybox', 'sysctl', '-n', ...hardened]);
    await site.until('it is hardened', () => values() === '1\n1\n0\n0\n1\n');
    site.inRouter(one.router, ['nft', 'flush', 'ruleset']);
    site.inRouter(one.router, ['ip', 'addr', 'del', `${floating.address}/32`, 'dev', deviceOf('qg', one.router)]);
    await site.until('rules and addresses are put back', works);
    site.inRouter(one.router, ['ip', 'link', 'del', deviceOf('qr', one.router)]);
    await site.until('an interface is put back', works);
  });
  await t.test('what cannot be removed, and a router with the address of this host, hold up no other', async () => {
    const stray = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
    mkdirSync(join(site.state, 'routers', stray));
    const asked = { floating_network_id: external, floating_ip_address: site.hostOutside, port_id: two.port };
    const stolen = site.ask('POST', 'floatingips', { floatingip: asked }).floatingip.id;
    await site.until('it is in ERROR', () => site.floatingStatus(stolen) === 'ERROR');
    const statusOf = (router: string) => site.ask('GET', `routers/${router}`).router.status;
    await site.until('its router is, too', () => statusOf(two.router) === 'ERROR');
    assert.equal(statusOf(one.router), 'ACTIVE');
    await site.until('the log tells why', () => site.said.includes(`the address ${site.hostOutside} is that of this host`));
    assert.ok(!site.inRouter(two.router, ['ip', 'addr']).includes(site.hostOutside));
    site.ask('PUT', `floatingips/${floating.id}`, { floatingip: { port_id: null } });
    await site.until('another router is changed', () => site.from('one', internet, 80, 1) === `out ${one.gateway}`);
    site.ask('DELETE', `floatingips/${stolen}`);
    await site.until('the router forwards again', () => site.from('two', internet, 80, 1) === `out ${two.gateway}`);
    await site.until('it is ACTIVE', () => statusOf(two.router) === 'ACTIVE');
    const agents = site.ask('GET', 'agents').agents.map(({ agent_type, alive }: Record<string, unknown>) => [agent_type, alive]);
    assert.deepEqual(agents.at(-1), ['L3 agent', true]);
    site.ask('PUT', `floatingips/${floating.id}`, { floatingip: { port_id: one.port } });
    await site.until('the floating IP is back', () => site.floatingStatus(floating.id) === 'ACTIVE');
    assert.ok(site.routers().includes(stray));
    rmdirSync(join(site.state, 'routers', stray));
  });
  await t.test('a router that is switched off forwards nothing', async () => {
    site.ask('PUT', `routers/${one.router}`, { router: { admin_state_up: false } });
    await site.until('nothing passes', () => site.isClosed('one', internet, 80));
    site.ask('PUT', `routers/${one.router}`, { router: { admin_state_up: true } });
    await site.until('it passes again', () => site.from('one', internet, 80, 1) === `out ${floating.address}`);
  });
  await t.test('nothing stays of a deleted router', async () => {
    site.ask('DELETE', `floatingips/${floating.id}`);
    site.ask('PUT', `routers/${one.router}/remove_router_interface`, { subnet_id: one.subnet });
    site.ask('DELETE', `routers/${one.router}`);
    await site.until('nothing passes', () => site.isClosed('one', internet, 80));
    await site.until('its namespace is gone', () => !site.routers().includes(one.router));
    assert.equal(site.from('two', internet, 80), `out ${two.gateway}`);
  });
});

function deviceOf(kind: 'qr' | 'qg', router: string): string {
  return new RegExp(`${kind}-[0-9a-f]+`).exec(site.inRouter(router, ['ip', '-o', 'link']))?.[0] ?? '';
}
