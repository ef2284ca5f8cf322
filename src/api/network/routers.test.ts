/** Routers, floating IPs and port forwardings as Neutron keeps them (neutron/db/l3_db.py, services/portforwarding). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, path: string, payload?: object, headers: object = {}) =>
  fixture.ask({ method, url: `${base}${path}`, headers: { ...headers }, ...(payload && { payload }) });
const mine = (method: Method, path: string, payload?: object) => ask(method, path, payload, member);
const typeOf = ({ status, body }: { status: number; body: { NeutronError?: { type: string } } }) =>
  `${status} ${body.NeutronError?.type}`;

async function make(path: string, payload: object, headers: object = {}) {
  const { status, body } = await ask('POST', path, payload, headers);
  assert.equal(status, 201, JSON.stringify(body));
  return Object.values(body)[0] as Record<string, string>;
}

let made = 0;
/** A project's router between a network of its own and an external one. */
async function aPath(routed = true) {
  made += 1;
  const outside = await make('/networks', { network: { 'router:external': true } });
  await make('/subnets', { subnet: { network_id: outside['id'], ip_version: 4, cidr: `198.51.${made}.0/24` } });
  const inside = await make('/networks', { network: {} }, member);
  const subnet = await make(
    '/subnets',
    { subnet: { network_id: inside['id'], ip_version: 4, cidr: `10.50.${made}.0/24` } },
    member,
  );
  const port = await make('/ports', { port: { network_id: inside['id'] } }, member);
  const router = await make('/routers', { router: { external_gateway_info: { network_id: outside['id'] } } }, member);
  if (routed) {
    const added = await mine('PUT', `/routers/${router['id']}/add_router_interface`, { subnet_id: subnet['id'] });
    assert.equal(added.status, 200, JSON.stringify(added.body));
  }
  return { outside: outside['id']!, inside: inside['id']!, subnet: subnet['id']!, port, router: router['id']!, n: made };
}

test('a router gets a gateway port that its project does not see, and gives it back', async () => {
  const { router, outside, subnet, n } = await aPath();

  const shown = (await mine('GET', `/routers/${router}`)).body.router;
  const gateway = shown.external_gateway_info;
  assert.deepEqual([gateway.network_id, gateway.enable_snat], [outside, true]);
  assert.deepEqual(
    gateway.external_fixed_ips.map((ip: { ip_address: string }) => ip.ip_address),
    [`198.51.${n}.2`],
  );
  assert.deepEqual([shown.status, shown.ha, shown.routes], ['ACTIVE', undefined, []]);
  const ports = (await mine('GET', `/ports?device_id=${router}`)).body.ports;
  assert.deepEqual(
    ports.map((port: { device_owner: string }) => port.device_owner),
    ['network:router_interface'],
  );
  assert.equal(typeOf(await mine('DELETE', `/ports/${ports[0].id}`)), '409 ServicePortInUse');
  assert.equal(typeOf(await mine('PUT', `/ports/${ports[0].id}`, { port: { device_id: '' } })), '409 ServicePortInUse');
  for (const odd of [{ enable_snat: true }, { network_id: 'x' }, { external_fixed_ips: [] }])
    assert.equal(
      typeOf(await ask('PUT', `/routers/${router}`, { router: { external_gateway_info: odd } })),
      '400 HTTPBadRequest',
    );
  const snat = { router: { external_gateway_info: { network_id: outside, enable_snat: false } } };
  assert.equal(typeOf(await mine('PUT', `/routers/${router}`, snat)), '403 PolicyNotAuthorized');
  assert.equal((await ask('PUT', `/routers/${router}`, snat)).body.router.external_gateway_info.enable_snat, false);
  assert.equal(typeOf(await mine('DELETE', `/routers/${router}`)), '409 RouterInUse');
  const closed = await ask('PUT', `/networks/${outside}`, { network: { 'router:external': false } });
  assert.equal(typeOf(closed), '409 ExternalNetworkInUse');
  const other = await mine('PUT', `/subnets/${subnet}`, { subnet: { gateway_ip: null } });
  assert.equal(typeOf(other), '409 GatewayIpInUse');
  assert.equal((await mine('PUT', `/routers/${router}/remove_router_interface`, { port_id: ports[0].id })).status, 200);
  assert.equal((await mine('DELETE', `/routers/${router}`)).status, 204);
  assert.equal(await fixture.store.ports.count({ network_id: outside }), 0);
});

test('an interface is of a subnet or a port that the project has, once', async () => {
  const { router, subnet, inside, outside } = await aPath(false);
  const add = (body: object) => mine('PUT', `/routers/${router}/add_router_interface`, body);

  assert.equal(typeOf(await add({})), '400 BadRequest');
  assert.equal(typeOf(await add({ subnet_id: subnet, port_id: subnet })), '400 BadRequest');
  assert.equal(typeOf(await add({ subnet_id: others['subnets'] })), '404 SubnetNotFound');
  assert.equal(typeOf(await add({ port_id: others['ports'] })), '404 PortNotFound');
  const free = await make('/ports', { port: { network_id: inside } }, member);
  const used = await make('/ports', { port: { network_id: inside, device_id: 'something' } }, member);
  assert.equal(typeOf(await add({ port_id: used['id'] })), '409 PortInUse');
  const added = await add({ port_id: free['id'] });
  assert.deepEqual([added.status, added.body.port_id, added.body.subnet_ids], [200, free['id'], [subnet]]);
  assert.equal(typeOf(await add({ subnet_id: subnet })), '400 BadRequest');
  const external = (await mine('GET', `/subnets?network_id=${outside}`)).body.subnets[0].id;
  assert.equal(typeOf(await add({ subnet_id: external })), '400 BadRequest');
  const remove = (body: object) => mine('PUT', `/routers/${router}/remove_router_interface`, body);
  assert.equal(typeOf(await remove({ port_id: used['id'] })), '404 RouterInterfaceNotFound');
  assert.equal(typeOf(await remove({ port_id: free['id'], subnet_id: external })), '409 SubnetMismatchForPort');
  assert.equal((await remove({ subnet_id: subnet })).status, 200);
  assert.equal(typeOf(await remove({ subnet_id: subnet })), '404 RouterInterfaceNotFoundForSubnet');
});

test('routes go by next hops on subnets of the router', async () => {
  const { router, subnet, n } = await aPath();
  const route = { destination: '10.77.0.5/24', nexthop: `10.50.${n}.9` };
  const change = (action: string, routes: object[]) => mine('PUT', `/routers/${router}/${action}`, { router: { routes } });

  const added = await change('add_extraroutes', [route, route]);
  assert.deepEqual(added.body.router.routes, [{ destination: '10.77.0.0/24', nexthop: `10.50.${n}.9` }]);
  assert.equal(
    typeOf(await change('add_extraroutes', [{ destination: '10.78.0.0/24', nexthop: '10.1.1.1' }])),
    '400 InvalidRoutes',
  );
  assert.equal(typeOf(await change('add_extraroutes', [{ ...route, nexthop: `10.50.${n}.1` }])), '400 InvalidRoutes');
  for (const wrong of [
    { ...route, nexthop: '$(reboot)' },
    { ...route, destination: '10.0.0.0/8; drop' },
  ])
    assert.equal((await change('add_extraroutes', [wrong])).status, 400);
  const many = Array.from({ length: 31 }, (_, index) => ({ destination: `10.80.${index}.0/24`, nexthop: `10.50.${n}.9` }));
  assert.equal(typeOf(await change('add_extraroutes', many)), '409 OverQuota');
  const busy = await mine('PUT', `/routers/${router}/remove_router_interface`, { subnet_id: subnet });
  assert.equal(typeOf(busy), '409 RouterInterfaceInUseByRoute');
  assert.deepEqual((await change('remove_extraroutes', [route])).body.router.routes, []);
  const replaced = await mine('PUT', `/routers/${router}`, { router: { routes: [route] } });
  assert.equal(replaced.body.router.routes.length, 1);
  assert.deepEqual((await mine('PUT', `/routers/${router}`, { router: { routes: null } })).body.router.routes, []);
});

test('a floating IP leads to a port of its project, and ends with the port', async () => {
  const { router, outside, subnet, port, n } = await aPath();
  const create = (fields: object) => mine('POST', '/floatingips', { floatingip: { floating_network_id: outside, ...fields } });

  assert.equal(typeOf(await create({ floating_network_id: own['networks'] })), '400 BadRequest');
  assert.equal(typeOf(await create({ floating_ip_address: `198.51.${n}.77` })), '403 PolicyNotAuthorized');
  assert.equal(typeOf(await create({ port_id: others['ports'] })), '404 PortNotFound');
  assert.equal(typeOf(await create({ fixed_ip_address: `10.50.${n}.2` })), '400 BadRequest');
  assert.equal(typeOf(await create({ port_id: own['ports'] })), '404 ExternalGatewayForFloatingIPNotFound');
  assert.equal((await create({ dns_name: 'www' })).status, 400);
  assert.equal((await create({ dns_name: 'www', dns_domain: 'example.org' })).status, 400);
  const { floatingip } = (await create({ port_id: port['id'] })).body;
  assert.deepEqual([floatingip.router_id, floatingip.status, floatingip.fixed_ip_address], [router, 'DOWN', `10.50.${n}.2`]);
  assert.deepEqual([floatingip.port_details.mac_address, floatingip.port_forwardings], [port['mac_address'], []]);
  assert.equal(typeOf(await create({ port_id: port['id'] })), '409 FloatingIPPortAlreadyAssociated');
  const url = `/floatingips/${floatingip.id}`;
  const gateway = await mine('PUT', `/routers/${router}`, { router: { external_gateway_info: null } });
  assert.equal(typeOf(gateway), '409 RouterExternalGatewayInUseByFloatingIp');
  const used = await mine('PUT', `/routers/${router}/remove_router_interface`, { subnet_id: subnet });
  assert.equal(typeOf(used), '409 RouterInterfaceInUseByFloatingIP');
  const moved = await mine('PUT', `/ports/${port['id']}`, { port: { fixed_ips: [{ ip_address: `10.50.${n}.99` }] } });
  assert.equal(moved.status, 400);
  const described = (await mine('PUT', url, { floatingip: { description: 'web' } })).body.floatingip;
  assert.deepEqual([described.port_id, described.description], [port['id'], 'web']);
  assert.equal((await mine('GET', `/floatingips?port_id=${port['id']}&status=DOWN`)).body.floatingips.length, 1);

  assert.equal((await mine('DELETE', `/ports/${port['id']}`)).status, 204);

  const left = (await mine('GET', url)).body.floatingip;
  assert.deepEqual([left.port_id, left.router_id, left.fixed_ip_address], [null, null, null]);
  assert.equal((await mine('DELETE', url)).status, 204);
  assert.equal(await fixture.store.ports.count({ network_id: outside, device_owner: 'network:floatingip' }), 0);
});

test('port forwardings share a floating IP without collisions, and end with the port', async () => {
  const { outside, port, router, inside } = await aPath();
  const floating = await make('/floatingips', { floatingip: { floating_network_id: outside } }, member);
  const url = `/floatingips/${floating['id']}/port_forwardings`;
  const addressOf = ({ fixed_ips }: Record<string, unknown>) => (fixed_ips as { ip_address: string }[])[0]?.ip_address;
  const target = { internal_port_id: port['id'], internal_ip_address: addressOf(port) };
  const fields = { ...target, internal_port: 80, external_port: 8080, protocol: 'tcp' };
  const create = (changes: object) => mine('POST', url, { port_forwarding: { ...fields, ...changes } });

  const { port_forwarding } = (await create({ description: 'web' })).body;
  assert.deepEqual([port_forwarding.external_port_range, port_forwarding.internal_port], ['8080:8080', 80]);
  for (const collision of [{ internal_port: 81 }, { external_port: 8081 }])
    assert.equal(typeOf(await create(collision)), '400 BadRequest', JSON.stringify(collision));
  assert.equal((await create({ protocol: 'udp' })).status, 201);
  const { internal_port: _, external_port: __, ...ranged } = fields;
  const range = (external_port_range: string, internal_port_range: string) =>
    mine('POST', url, { port_forwarding: { ...ranged, external_port_range, internal_port_range } });
  assert.equal((await range('9000:9005', '9100:9105')).status, 201);
  assert.equal((await range('9100:9110', '7000:7000')).status, 201);
  for (const [external, internal] of [
    ['9200:9210', '1:2'],
    ['9:1', '9:1'],
    ['0:1', '1:2'],
    ['70000', '1'],
    ['1000:2000', '1000:2000'],
  ] as const)
    assert.equal((await range(external, internal)).status, 400, external);
  assert.equal((await create({ external_port: 1, internal_port: 1, internal_port_id: others['ports'] })).status, 404);
  assert.equal((await create({ external_port: 1, internal_port: 1, internal_ip_address: '10.1.1.1' })).status, 400);
  assert.equal(typeOf(await mine('DELETE', `/floatingips/${floating['id']}`)), '409 FipInUseByPortForwarding');
  const taken = await mine('PUT', `/floatingips/${floating['id']}`, { floatingip: { port_id: port['id'] } });
  assert.equal(typeOf(taken), '409 FipInUseByPortForwarding');
  const changed = await mine('PUT', `${url}/${port_forwarding.id}`, { port_forwarding: { external_port: 8088 } });
  assert.equal(changed.body.port_forwarding.external_port, 8088);
  assert.equal((await mine('GET', `${url}?external_port=8088`)).body.port_forwardings.length, 1);
  const shown = (await mine('GET', `/floatingips/${floating['id']}`)).body.floatingip;
  assert.deepEqual([shown.router_id, shown.port_forwardings.length], [router, 4]);
  const second = await make('/ports', { port: { network_id: inside } }, member);
  const other = { internal_port_id: second['id'], internal_ip_address: addressOf(second) };
  assert.equal((await create({ ...other, external_port: 5, internal_port: 5 })).status, 201);
  assert.equal(typeOf(await create({ internal_ip_address: undefined, external_port: 6 })), '400 HTTPBadRequest');

  assert.equal((await mine('DELETE', `/ports/${port['id']}`)).status, 204);
  const [left] = (await mine('GET', url)).body.port_forwardings;
  assert.equal((await mine('DELETE', `${url}/${left.id}`)).status, 204);

  const end = (await mine('GET', `/floatingips/${floating['id']}`)).body.floatingip;
  assert.deepEqual([end.router_id, end.port_forwardings], [null, []]);
  assert.equal(typeOf(await mine('GET', `${url}/${left.id}`)), '404 PortForwardingNotFound');
});

test('quotas of routers and floating IPs hold', async () => {
  const project_id = own['projects'] ?? '';
  const { outside } = await aPath();
  for (const resource of ['router', 'floatingip']) {
    await fixture.store.network_quotas.upsert(['project_id', 'resource'], { project_id, resource, most: 0 });
    const fields = resource === 'router' ? {} : { floating_network_id: outside };
    assert.equal(typeOf(await mine('POST', `/${resource}s`, { [resource]: fields })), '409 OverQuota');
  }
  assert.equal(typeOf(await ask('POST', '/routers', { router: { ha: true } })), '501 HTTPNotImplemented');
});
