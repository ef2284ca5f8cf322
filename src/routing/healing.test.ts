/** What becomes of the data path of routers when Ingot, namespaces or records end. */
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
  for (const name of ['one', 'two', 'out']) await site.listen(name, 80);
  await site.start();
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
    await site.until('a lost namespace is made again', () => site.hasNamespace(one.router) && works());
    site.inRouter(one.router, ['nft', 'flush', 'ruleset']);
    site.inRouter(one.router, ['ip', 'addr', 'del', `${floating.address}/32`, 'dev', deviceOf('qg', one.router)]);
    await site.until('rules and addresses are put back', works);
    site.inRouter(one.router, ['ip', 'link', 'del', deviceOf('qr', one.router)]);
    await site.until('an interface is put back', works);
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
