/** What routers and floating IPs use stays theirs while they do, whichever request would take it away. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, path: string, payload?: object, headers: object = {}) =>
  fixture.ask({ method, url: `${base}${path}`, headers: { ...headers }, ...(payload && { payload }) });
const mine = (method: Method, path: string, payload?: object) => ask(method, path, payload, member);
const typeOf = ({ status, body }: { status: number; body: { NeutronError?: { type: string } } }) =>
  `${status} ${body?.NeutronError?.type}`;

async function make(path: string, payload: object, headers: object = {}) {
  const { status, body } = await ask('POST', path, payload, headers);
  assert.equal(status, 201, JSON.stringify(body));
  return Object.values(body)[0] as Record<string, string> as Record<'id', string> & Record<string, string>;
}

let made = 0;
/** An external network with one subnet. */
async function anOutside(fields: object = {}): Promise<string> {
  made += 1;
  const { id } = await make('/networks', { network: { 'router:external': true, ...fields } });
  await make('/subnets', { subnet: { network_id: id, ip_version: 4, cidr: `198.51.${made}.0/24` } });
  return id;
}

async function anInside() {
  const { id } = await make('/networks', { network: {} }, member);
  const cidr = `10.60.${made}.0/24`;
  const subnet = await make('/subnets', { subnet: { network_id: id, ip_version: 4, cidr } }, member);
  return { network: id, subnet: subnet.id, prefix: `10.60.${made}` };
}

async function aRouter(outside: string): Promise<string> {
  return (await make('/routers', { router: { external_gateway_info: { network_id: outside } } }, member)).id;
}

const addInterface = async (router: string, body: object) => {
  const { status, body: reply } = await mine('PUT', `/routers/${router}/add_router_interface`, body);
  assert.equal(status, 200, JSON.stringify(reply));
  return reply.port_id as string;
};
const removeInterface = (router: string, body: object) => mine('PUT', `/routers/${router}/remove_router_interface`, body);

test('the policy that makes a network external stays while a project needs it', async () => {
  const outside = await anOutside();
  const router = await aRouter(outside);
  const [policy] = (await ask('GET', `/rbac-policies?object_id=${outside}`)).body.rbac_policies;
  const url = `/rbac-policies/${policy.id}`;
  const to = (target_project: string) => ({ rbac_policy: { target_project } });

  assert.equal(typeOf(await ask('DELETE', url)), '409 RbacPolicyInUse');
  assert.equal(typeOf(await ask('PUT', url, to('9'.repeat(32)))), '409 RbacPolicyInUse');
  assert.equal((await ask('GET', `/networks/${outside}`)).body.network['router:external'], true);
  assert.equal((await ask('PUT', url, to(own['projects']!))).status, 200);
  assert.equal(typeOf(await ask('DELETE', url)), '409 RbacPolicyInUse');
  assert.equal((await mine('DELETE', `/routers/${router}`)).status, 204);
  const floating = await mine('POST', '/floatingips', { floatingip: { floating_network_id: outside } });
  assert.equal(typeOf(await ask('DELETE', url)), '409 RbacPolicyInUse');
  assert.equal((await mine('DELETE', `/floatingips/${floating.body.floatingip.id}`)).status, 204);
  assert.equal((await ask('DELETE', url)).status, 204);
  assert.equal((await ask('GET', `/networks/${outside}`)).body.network['router:external'], false);
});

test('a network is no longer shared although routers and floating IPs have addresses of it', async () => {
  const outside = await anOutside({ shared: true });
  await aRouter(outside);
  await make('/floatingips', { floatingip: { floating_network_id: outside } }, member);

  const { status, body } = await ask('PUT', `/networks/${outside}`, { network: { shared: false } });

  assert.deepEqual([status, body.network?.shared, body.network?.['router:external']], [200, false, true]);
});

test('each address that a floating IP leads to stays', async () => {
  const outside = await anOutside();
  const { network, subnet, prefix } = await anInside();
  await addInterface(await aRouter(outside), { subnet_id: subnet });
  const addresses = [`${prefix}.21`, `${prefix}.22`, `${prefix}.23`];
  const port = await make(
    '/ports',
    { port: { network_id: network, fixed_ips: addresses.map((ip_address) => ({ ip_address })) } },
    member,
  );
  for (const fixed_ip_address of addresses.slice(0, 2))
    await make('/floatingips', { floatingip: { floating_network_id: outside, port_id: port.id, fixed_ip_address } }, member);
  const keep = (...kept: (string | undefined)[]) =>
    mine('PUT', `/ports/${port.id}`, { port: { fixed_ips: kept.map((ip_address) => ({ ip_address })) } });

  assert.equal((await keep(addresses[0])).status, 400);
  assert.equal((await keep(addresses[1])).status, 400);
  assert.equal((await keep(addresses[0], addresses[1])).status, 200);
});

test('a port of a trunk does not end with the interface of a router', async () => {
  const outside = await anOutside();
  const { network } = await anInside();
  const [parent, subport] = [
    await make('/ports', { port: { network_id: network } }, member),
    await make('/ports', { port: { network_id: network } }, member),
  ];
  const sub_ports = [{ port_id: subport.id, segmentation_type: 'vlan', segmentation_id: 7 }];
  const trunk = await make('/trunks', { trunk: { port_id: parent.id, sub_ports } }, member);
  for (const [port_id, refusal] of [
    [parent.id, '409 PortInUseAsTrunkParent'],
    [subport.id, '409 PortInUseAsSubPort'],
  ] as const) {
    const router = await aRouter(outside);
    await addInterface(router, { port_id });
    assert.equal(typeOf(await removeInterface(router, { port_id })), refusal);
    assert.deepEqual((await mine('GET', `/trunks/${trunk.id}`)).body.trunk.sub_ports, sub_ports);
  }
  const router = await aRouter(outside);
  // Those of gateways and floating IPs are seen by administrators only.
  const floating = await make('/floatingips', { floatingip: { floating_network_id: outside } }, member);
  for (const device_id of [router, floating.id]) {
    const [port] = (await ask('GET', `/ports?network_id=${outside}&device_id=${device_id}`)).body.ports;
    await make('/trunks', { trunk: { port_id: port.id } });
  }
  assert.equal(typeOf(await mine('DELETE', `/floatingips/${floating.id}`)), '409 PortInUseAsTrunkParent');
  const none = { router: { external_gateway_info: null } };
  assert.equal(typeOf(await mine('PUT', `/routers/${router}`, none)), '409 PortInUseAsTrunkParent');
});

test('no machine gets the port of a router or floating IP', async () => {
  const outside = await anOutside();
  const { subnet } = await anInside();
  const router = await aRouter(outside);
  const port = await addInterface(router, { subnet_id: subnet });
  await make('/floatingips', { floatingip: { floating_network_id: outside } }, member);
  const outer = (await ask('GET', `/ports?network_id=${outside}`)).body.ports as { id: string }[];
  const node = await aFreeNode(fixture);
  const headers = { 'x-openstack-ironic-api-version': '1.79' };

  for (const id of [port, ...outer.map((each) => each.id)]) {
    const reply = await fixture.ask({ method: 'POST', url: `/baremetal/v1/nodes/${node}/vifs`, headers, payload: { id } });
    assert.equal(reply.status, 409, JSON.stringify(reply.body));
  }
  assert.equal((await removeInterface(router, { port_id: port })).status, 200);
  assert.deepEqual(await fixture.store.node_ports.pick(['vif_port_id'], { node_uuid: node }), [{ vif_port_id: null }]);
});

test('the interface of a router can be renamed although it had address pairs', async () => {
  const { network, prefix } = await anInside();
  const router = await aRouter(await anOutside());
  const pairs = { allowed_address_pairs: [{ ip_address: `${prefix}.200` }] };
  const port = await make('/ports', { port: { network_id: network, ...pairs } }, member);
  await addInterface(router, { port_id: port.id });

  const { status, body } = await mine('PUT', `/ports/${port.id}`, { port: { name: 'uplink' } });

  assert.deepEqual([status, body.port?.allowed_address_pairs], [200, []], JSON.stringify(body));
});

test('a floating IP that an administrator has led elsewhere can be described by its project', async () => {
  const outside = await anOutside();
  const router = await aRouter(outside);
  const subnet = (await fixture.store.subnets.find({ id: others['subnets']! }))!;
  const added = await ask('PUT', `/routers/${router}/add_router_interface`, { subnet_id: subnet.id });
  assert.equal(added.status, 200, JSON.stringify(added.body));
  const floating = await make('/floatingips', { floatingip: { floating_network_id: outside } }, member);
  const url = `/floatingips/${floating.id}`;
  const led = await ask('PUT', url, { floatingip: { port_id: others['ports'] } });
  assert.equal(led.status, 200, JSON.stringify(led.body));

  const { status, body } = await mine('PUT', url, { floatingip: { description: 'ours' } });

  assert.deepEqual([status, body.floatingip?.port_id, body.floatingip?.description], [200, others['ports'], 'ours']);
});
