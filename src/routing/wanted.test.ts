import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';
import { readRouters } from './wanted.ts';

const { fixture } = await openTwoProjects();
after(() => fixture.close());
const { store } = fixture;

async function make(path: string, payload: object, method: 'POST' | 'PUT' = 'POST') {
  const { status, body } = await fixture.ask({ method, url: `/network/v2.0/${path}`, payload });
  assert.ok(status < 300, JSON.stringify(body));
  return Object.values(body)[0] as Record<string, string>;
}

test('reads interfaces, routes and translations of routers', async () => {
  const outside = await make('networks', { network: { 'router:external': true } });
  for (const cidr of ['198.51.100.0/24', '203.0.113.0/24'])
    await make('subnets', { subnet: { network_id: outside['id'], ip_version: 4, cidr } });
  const inside = await make('networks', { network: {} });
  const subnet = await make('subnets', { subnet: { network_id: inside['id'], ip_version: 4, cidr: '10.50.0.0/24' } });
  await make('subnets', { subnet: { network_id: inside['id'], ip_version: 6, cidr: '2001:db8::/64' } });
  const port = await make('ports', {
    port: { network_id: inside['id'], fixed_ips: [{ subnet_id: subnet['id'], ip_address: '10.50.0.9' }] },
  });
  const gateway = { network_id: outside['id'], external_fixed_ips: [{ ip_address: '198.51.100.7' }] };
  const { id = '' } = await make('routers', { router: { external_gateway_info: gateway } });
  await make(`routers/${id}/add_router_interface`, { subnet_id: subnet['id'] }, 'PUT');
  const routes = [
    { destination: '10.60.0.0/16', nexthop: '10.50.0.9' },
    { destination: '192.0.2.0/24', nexthop: '198.51.100.9' },
    // That of an interface stays the kernel's.
    { destination: '10.50.0.0/24', nexthop: '10.50.0.9' },
  ];
  await make(`routers/${id}`, { router: { routes } }, 'PUT');
  const floatingip = { floating_network_id: outside['id'], floating_ip_address: '203.0.113.50' };
  const floating = await make('floatingips', { floatingip });
  const forwarding = { protocol: 'tcp', internal_port_id: port['id'], internal_ip_address: '10.50.0.9' };
  const ports = { external_port: 2222, internal_port: 22 };
  await make(`floatingips/${floating['id']}/port_forwardings`, { port_forwarding: { ...forwarding, ...ports } });

  const { routers, idle } = await readRouters(store);

  const [{ wanted, floating: shown, ports: used } = assert.fail()] = routers;
  assert.deepEqual(
    [wanted.outside, ...wanted.inside].map((each) => [each?.name.slice(0, 3), each?.addresses]),
    [
      ['qg-', ['198.51.100.7/24']],
      ['qr-', ['10.50.0.1/24']],
    ],
  );
  assert.deepEqual(wanted.routes, [
    { to: '203.0.113.0/24', device: wanted.outside?.name },
    { to: '0.0.0.0/0', via: '198.51.100.1' },
    { to: '10.60.0.0/16', via: '10.50.0.9' },
    { to: '192.0.2.0/24', via: '198.51.100.9' },
  ]);
  assert.deepEqual([wanted.snat, wanted.tenantCidrs], ['198.51.100.7', ['10.50.0.0/24', '10.60.0.0/16']]);
  assert.deepEqual(wanted.forwardings, [
    { floating: '203.0.113.50', protocol: 'tcp', fixed: '10.50.0.9', external: [2222, 2222], internal: [22, 22] },
  ]);
  assert.deepEqual([shown.length, used.length, idle.floating.length], [1, 2, 0]);
});

test('a router that is switched off forwards nothing, and one without ports neither', async () => {
  const before = (await readRouters(store)).routers[0]?.wanted.id;
  await make('routers', { router: {} });
  await make(`routers/${before}`, { router: { admin_state_up: false } }, 'PUT');

  const { routers, idle } = await readRouters(store);

  assert.deepEqual([routers.length, idle.floating.length, idle.ports.length], [0, 1, 2]);
});

test('rows that cannot be read concern one router', async () => {
  const { routers } = await readRouters(store);
  const rows = await store.routers.list({}, { orderBy: 'id' });
  assert.equal(routers.length, 0);
  const [off] = rows.filter(({ admin_state_up }) => !admin_state_up);
  await store.routers.update({ id: off!.id }, { admin_state_up: true });
  assert.equal((await readRouters(store)).routers.length, 1);
  const routes = [{ destination: '10.70.0.0/16', nexthop: '010.50.0.9' }];
  await store.routers.update({ id: off!.id }, { routes });

  const { routers: readable, unreadable, idle } = await readRouters(store);

  assert.deepEqual(unreadable, [{ id: off!.id, reason: 'Error: "010.50.0.9" is not an IPv4 address' }]);
  assert.deepEqual([readable.length, idle.floating.length, idle.ports.length], [0, 1, 2]);
});
