/**
 * All networks share one wire with the provisioning network: addresses there are denied to members, readers, other
 * projects.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

type Headers = { 'x-auth-token': string };
let fixture: ApiFixture;
let alice: Headers;
let bob: Headers;
let reader: Headers;
let shared: { id: string };
let sharedSubnet: { id: string };

const settings = {
  'provisioning.address': '172.30.0.1',
  'provisioning.cidr': '172.30.0.0/24',
  'provisioning.pool': '172.30.0.200-172.30.0.249',
  'provisioning.gateway': '172.30.0.254',
  'provisioning.dns': '172.30.0.53',
};

before(async () => {
  fixture = await openApiFixture({ settings });
  [alice, bob] = [await aUser('alice', 'member'), await aUser('bob', 'member')];
  reader = await aUser('rita', 'reader');
  shared = await make('network', { name: 'site', shared: true });
  const pools = [{ start: '172.30.0.2', end: '172.30.0.10' }];
  const addressing = { ip_version: 4, cidr: '172.30.0.0/24', gateway_ip: '172.30.0.254', allocation_pools: pools };
  sharedSubnet = await make('subnet', { network_id: shared.id, ...addressing });
});
after(() => fixture.close());

const base = '/network/v2.0';

async function aUser(name: string, role: string): Promise<Headers> {
  const url = '/identity/v3';
  const password = 'correct battery';
  const { project } = (await fixture.ask({ method: 'POST', url: `${url}/projects`, payload: { project: { name } } })).body;
  const { user } = (await fixture.ask({ method: 'POST', url: `${url}/users`, payload: { user: { name, password } } })).body;
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/${role}` });
  return { 'x-auth-token': await fixture.logIn(name, password, name) };
}

type Who = Headers | undefined;

function add(noun: string, fields: object, headers?: Who) {
  return fixture.ask({ method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields }, ...(headers && { headers }) });
}

function change(noun: string, id: string, { fields, headers }: { fields: object; headers?: Who }) {
  return fixture.ask({ method: 'PUT', url: `${base}/${noun}s/${id}`, payload: { [noun]: fields }, ...(headers && { headers }) });
}

async function make(noun: string, fields: object, headers?: Who) {
  const reply = await add(noun, fields, headers);
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

/** Type and status of an error, as Neutron's clients read them. */
const errorOf = (reply: { status: number; body: { NeutronError?: { type: string } } }) => [
  reply.status,
  reply.body.NeutronError?.type,
];
const refused = [403, 'PolicyNotAuthorized'];

async function ownNetwork(headers: Headers, cidr: string) {
  const network = await make('network', { name: cidr }, headers);
  const subnet = await make('subnet', { network_id: network.id, ip_version: cidr.includes(':') ? 6 : 4, cidr }, headers);
  return { network, subnet };
}

test("on another project's network, a member chooses a subnet, but no address, MAC or router port", async () => {
  const port = (fields: object) => add('port', { network_id: shared.id, ...fields }, alice);

  const own = await port({ fixed_ips: [{ subnet_id: sharedSubnet.id }] });
  const denied = [
    await port({ fixed_ips: [{ ip_address: '172.30.0.77' }] }),
    await port({ fixed_ips: [{ subnet_id: sharedSubnet.id, ip_address: '172.30.0.77' }] }),
    await port({ mac_address: '52:54:00:12:34:56' }),
    await port({ device_owner: 'network:router_interface' }),
    await port({ port_security_enabled: false }),
    await port({ allowed_address_pairs: [] }),
  ];

  assert.equal(own.status, 201);
  assert.deepEqual(
    denied.map(errorOf),
    denied.map(() => refused),
  );
  const { id, fixed_ips } = own.body.port;
  const changed = [
    await change('port', id, { fields: { fixed_ips: [{ ip_address: '172.30.0.77' }] }, headers: alice }),
    await change('port', id, { fields: { fixed_ips: [] }, headers: alice }),
    await change('port', id, { fields: { mac_address: '52:54:00:12:34:56' }, headers: alice }),
    await change('port', id, { fields: { device_owner: 'network:dhcp' }, headers: alice }),
  ];
  assert.deepEqual(
    changed.map(errorOf),
    changed.map(() => refused),
  );
  const unchanged = await change('port', id, { fields: { fixed_ips, device_owner: 'baremetal:x' }, headers: alice });
  assert.deepEqual([unchanged.status, unchanged.body.port?.fixed_ips], [200, fixed_ips]);
  assert.equal(own.body.port['binding:vif_type'], undefined);
});

test("never allocates the site's own addresses, not even to an administrator", async () => {
  const network_id = shared.id;
  const ask = (ip_address: string) => add('port', { network_id, fixed_ips: [{ ip_address }] });

  for (const address of ['172.30.0.1', '172.30.0.200', '172.30.0.222', '172.30.0.249', '172.30.0.254', '172.30.0.53'])
    assert.deepEqual(errorOf(await ask(address)), [409, 'IpAddressAlreadyAllocated'], address);
  for (const address of ['172.30.0.0', '172.30.0.255']) {
    assert.deepEqual(errorOf(await ask(address)), [400, 'InvalidIpForNetwork'], address);
    const named = await add('port', { network_id, fixed_ips: [{ subnet_id: sharedSubnet.id, ip_address: address }] });
    assert.deepEqual(errorOf(named), [400, 'InvalidIpForSubnet'], address);
  }
  const kept = await make('port', { network_id, fixed_ips: [] });
  const moved = await change('port', kept.id, { fields: { fixed_ips: [{ ip_address: '172.30.0.1' }] } });
  assert.deepEqual(errorOf(moved), [409, 'IpAddressAlreadyAllocated']);
  const fields = { allocation_pools: [{ start: '172.30.0.190', end: '172.30.0.200' }] };
  assert.equal((await change('subnet', sharedSubnet.id, { fields })).status, 400);
  assert.equal((await change('subnet', sharedSubnet.id, { fields: { gateway_ip: '172.30.0.201' } })).status, 400);
});

test("never allocates the site's own addresses from a pool of a former version", async () => {
  const network = await make('network', { name: 'former' });
  const subnet = await make('subnet', { network_id: network.id, ip_version: 4, cidr: '172.30.0.0/24', gateway_ip: null });
  const allocation_pools = [
    { start: '172.30.0.0', end: '172.30.0.1' },
    { start: '172.30.0.199', end: '172.30.0.201' },
    { start: '172.30.0.249', end: '172.30.0.250' },
    { start: '172.30.0.254', end: '172.30.0.255' },
  ];
  await fixture.store.subnets.update({ id: subnet.id }, { allocation_pools });

  const replies = [];
  for (let count = 0; count < 3; count++) replies.push(await add('port', { network_id: network.id }));

  const given = replies.map(({ body }) => body.port?.fixed_ips[0].ip_address ?? body.NeutronError.type);
  assert.deepEqual(given, ['172.30.0.199', '172.30.0.250', 'IpAddressGenerationFailure']);
});

test('allocates .0 and .255 within a network, and all addresses of a /31 and /32', async () => {
  const legitimate = [
    ['10.40.0.0/23', '10.40.0.255'],
    ['10.40.2.0/23', '10.40.3.0'],
    ['10.41.0.0/31', '10.41.0.0'],
    ['10.41.0.2/31', '10.41.0.3'],
    ['10.42.0.9/32', '10.42.0.9'],
    ['2001:db8:40::/64', '2001:db8:40::ffff'],
  ] as const;
  for (const [cidr, ip_address] of legitimate) {
    const network = await make('network', {}, alice);
    const ip_version = cidr.includes(':') ? 6 : 4;
    await make('subnet', { network_id: network.id, ip_version, cidr, gateway_ip: null }, alice);
    const port = await make('port', { network_id: network.id, fixed_ips: [{ ip_address }] }, alice);
    assert.equal(port.fixed_ips[0].ip_address, ip_address);
    const ends = cidr.includes('/23') ? [cidr.replace('/23', ''), '10.40.1.255', '10.40.3.255'] : [];
    const anycast = ip_version === 6 ? ['2001:db8:40::'] : [];
    for (const address of [...ends, ...anycast]) {
      const reply = await add('port', { network_id: network.id, fixed_ips: [{ ip_address: address }] }, alice);
      assert.deepEqual(errorOf(reply), [400, 'InvalidIpForNetwork'], address);
    }
  }
});

test("rejects addresses of a running network for another project's network, without naming the owner", async () => {
  const { subnet } = await ownNetwork(alice, '10.50.0.0/24');
  const bobs = await make('network', { name: "bob's" }, bob);
  const subnets = ['10.50.0.0/24', '10.50.0.128/25', '10.0.0.0/9', '172.30.0.0/24', '172.30.0.64/26', '172.16.0.0/12'];

  for (const cidr of subnets) {
    const reply = await add('subnet', { network_id: bobs.id, ip_version: 4, cidr }, bob);
    assert.deepEqual(errorOf(reply), [400, 'InvalidInput'], cidr);
    assert.match(
      reply.body.NeutronError.message,
      /^Invalid input for operation: Requested subnet with cidr: .* overlaps with another subnet/,
    );
    assert.ok(!JSON.stringify(reply.body).includes(subnet.id));
  }
  assert.equal((await add('subnet', { network_id: bobs.id, ip_version: 4, cidr: '10.51.0.0/24' }, bob)).status, 201);
  const onOthers = await add('subnet', { network_id: shared.id, ip_version: 4, cidr: '10.52.0.0/24' }, bob);
  assert.deepEqual(errorOf(onOthers), refused);
});

test('keeps addresses and MACs unique over the networks among which a subnet is divided', async () => {
  const { network } = await ownNetwork(alice, '10.53.0.0/24');
  const project_id = network.project_id;
  const other = await make('network', { name: 'slice' });
  await make('subnet', { network_id: other.id, ip_version: 4, cidr: '10.53.0.0/24', gateway_ip: '10.53.0.9' });
  const first = await make('port', { network_id: network.id, mac_address: '52:54:00:53:00:01' }, alice);

  const address = first.fixed_ips[0].ip_address;
  const taken = await add('port', { network_id: other.id, fixed_ips: [{ ip_address: address }] });
  const sameMac = await add('port', { network_id: other.id, mac_address: '52:54:00:53:00:01' });
  const next = await make('port', { network_id: other.id });
  const router = await add('port', { network_id: network.id, fixed_ips: [{ ip_address: '10.53.0.9' }] }, alice);
  const gateway = await add('subnet', {
    network_id: (await make('network', {})).id,
    ip_version: 4,
    cidr: '10.53.0.0/24',
    gateway_ip: address,
  });

  assert.deepEqual([taken, sameMac, router, gateway].map(errorOf), [
    [409, 'IpAddressAlreadyAllocated'],
    [409, 'MacAddressInUse'],
    [409, 'IpAddressAlreadyAllocated'],
    [409, 'IpAddressAlreadyAllocated'],
  ]);
  assert.notEqual(next.fixed_ips[0].ip_address, address);
  for (const reply of [taken, sameMac, gateway])
    for (const secret of [first.id, network.id, project_id]) assert.ok(!JSON.stringify(reply.body).includes(secret));
});

test("rejects the MAC of a machine's NIC and group MACs for a port", async () => {
  const { network } = await ownNetwork(alice, '10.54.0.0/24');
  const now = new Date().toISOString();
  const nic = { uuid: 'nic-54', node_uuid: 'node-54', address: '52:54:00:54:00:01', pxe_enabled: true };
  const rest = { local_link_connection: {}, extra: {}, vif_port_id: null, created_at: now, updated_at: now };
  await fixture.store.node_ports.insert({ ...nic, ...rest });
  const port = await make('port', { network_id: network.id }, alice);

  const made = await add('port', { network_id: network.id, mac_address: '52-54-00-54-00-01' }, alice);
  const fields = { mac_address: nic.address.toUpperCase() };
  const changed = await change('port', port.id, { fields, headers: alice });
  const group = await add('port', { network_id: network.id, mac_address: '01:00:5e:00:00:01' }, alice);
  const none = await add('port', { network_id: network.id, mac_address: '00:00:00:00:00:00' }, alice);

  assert.deepEqual([made, changed, group, none].map(errorOf), [
    [409, 'MacAddressInUse'],
    [409, 'MacAddressInUse'],
    [400, 'InvalidInput'],
    [400, 'InvalidInput'],
  ]);
});

test('of forty simultaneous requests for one address or MAC, one succeeds', async () => {
  const { network } = await ownNetwork(alice, '10.55.0.0/24');
  const other = await make('network', {});
  await make('subnet', { network_id: other.id, ip_version: 4, cidr: '10.55.0.0/24' });
  const race = (fields: object) =>
    Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0
          ? add('port', { network_id: network.id, ...fields }, alice)
          : add('port', { network_id: other.id, ...fields }),
      ),
    );

  const addresses = await race({ fixed_ips: [{ ip_address: '10.55.0.99' }] });
  const macs = await race({ mac_address: '52:54:00:55:00:01', fixed_ips: [] });

  for (const replies of [addresses, macs]) {
    assert.equal(replies.filter(({ status }) => status === 201).length, 1);
    assert.equal(replies.filter(({ status }) => status === 409).length, 39);
  }
});

test("keeps the administrator's fields of a network from its owner", async () => {
  const network = await make('network', { name: 'mine' }, alice);
  const { project_id } = await make('network', { name: 'his' }, bob);

  const privileged = [
    { shared: true },
    { 'router:external': true },
    { 'provider:network_type': 'flat' },
    { 'provider:segmentation_id': null },
  ];
  for (const fields of privileged) assert.deepEqual(errorOf(await add('network', fields, alice)), refused);
  for (const fields of [{ shared: true }, { shared: false }, { 'router:external': true }, { is_default: false }])
    assert.deepEqual(errorOf(await change('network', network.id, { fields, headers: alice })), refused);
  for (const owner of ['project_id', 'tenant_id']) {
    assert.deepEqual(errorOf(await add('network', { [owner]: project_id }, alice)), [400, 'HTTPBadRequest']);
    assert.deepEqual(errorOf(await add('port', { network_id: network.id, [owner]: project_id }, alice)), [400, 'HTTPBadRequest']);
  }
  assert.equal((await add('network', { shared: false, 'router:external': false }, alice)).status, 201);
  assert.deepEqual(errorOf(await change('network', shared.id, { fields: { name: 'x' }, headers: alice })), refused);
  assert.deepEqual(errorOf(await change('network', network.id, { fields: { name: 'x' }, headers: bob })), [
    404,
    'NetworkNotFound',
  ]);
  assert.deepEqual(errorOf(await add('port', { network_id: network.id }, bob)), [404, 'NetworkNotFound']);
});

test('a reader cannot create or change anything', async () => {
  const replies = [
    await add('network', {}, reader),
    await add('port', { network_id: shared.id }, reader),
    await add('subnet', { network_id: shared.id, ip_version: 4, cidr: '10.56.0.0/24' }, reader),
    await change('subnet', sharedSubnet.id, { fields: { name: 'x' }, headers: reader }),
  ];

  assert.deepEqual(
    replies.map(errorOf),
    replies.map(() => refused),
  );
});

test('limits a port to five addresses, each once', async () => {
  const { network } = await ownNetwork(alice, '10.57.0.0/24');
  const ask = (last: readonly number[]) =>
    add('port', { network_id: network.id, fixed_ips: last.map((number) => ({ ip_address: `10.57.0.${number}` })) }, alice);

  assert.deepEqual(errorOf(await ask([10, 11, 12, 13, 14, 15])), [400, 'InvalidInput']);
  assert.deepEqual(errorOf(await ask([10, 10])), [409, 'IpAddressAlreadyAllocated']);
  assert.equal((await ask([10, 11, 12, 13, 14])).status, 201);
});
