/** Requests reported of Neutron clients (docs/compatibility.md). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const base = '/network/v2.0';
let count = 0;

const create = (kind: 'network' | 'subnet' | 'port', fields: object) =>
  fixture.ask({ method: 'POST', url: `${base}/${kind}s`, payload: { [kind]: fields } });
const network = (await create('network', { name: 'net' })).body.network.id;
function aSubnet(fields: object = {}) {
  count += 1;
  return create('subnet', { network_id: network, cidr: `10.${count}.0.0/24`, ip_version: 4, ...fields });
}

test('accepts null for a list as an empty one', async () => {
  const subnet = await aSubnet({ dns_nameservers: null, host_routes: null, service_types: null });
  const port = await create('port', {
    network_id: network,
    security_groups: null,
    allowed_address_pairs: null,
    extra_dhcp_opts: null,
  });
  const { id } = subnet.body.subnet;
  const named = { subnet: { dns_nameservers: ['9.9.9.9'] } };
  await fixture.ask({ method: 'PUT', url: `${base}/subnets/${id}`, payload: named });
  const emptied = await fixture.ask({
    method: 'PUT',
    url: `${base}/subnets/${id}`,
    payload: { subnet: { dns_nameservers: null } },
  });

  assert.deepEqual([subnet.status, subnet.body.subnet.dns_nameservers, subnet.body.subnet.host_routes], [201, [], []]);
  assert.equal(port.status, 201, JSON.stringify(port.body));
  assert.deepEqual([emptied.status, emptied.body.subnet.dns_nameservers], [200, []]);
});

test('accepts booleans as text in every attribute', async () => {
  const made = [
    await create('network', { port_security_enabled: 'False', is_default: '0', shared: 'no', 'router:external': 'off' }),
    await aSubnet({ dns_publish_fixed_ip: 'false', enable_dhcp: 'True' }),
    await create('port', { network_id: network, port_security_enabled: 'f', admin_state_up: 'yes' }),
  ];
  const refused = await create('network', { port_security_enabled: 'perhaps' });

  assert.deepEqual(
    made.map(({ status }) => status),
    [201, 201, 201],
  );
  assert.equal(refused.status, 400);
});

test('finds a port by its MAC in every spelling', async () => {
  const { port } = (await create('port', { network_id: network, mac_address: '52-54-00-AA-BB-0C' })).body;
  const found = async (mac: string) => (await fixture.ask({ url: `${base}/ports?mac_address=${mac}&fields=id` })).body.ports;

  assert.equal(port.mac_address, '52:54:00:aa:bb:0c');
  for (const mac of ['52:54:00:aa:bb:0c', '52:54:00:AA:BB:0C', '52-54-00-aa-bb-0c'])
    assert.deepEqual(await found(mac), [{ id: port.id }], mac);
});

test('rejects an unknown sort key or direction', async () => {
  const refused: [plural: string, query: string][] = [
    ['networks', 'sort_key=colour'],
    ['subnets', 'sort_key=name&sort_key=colour'],
    ['ports', 'sort_key=colour'],
    ['networks', 'sort_key=name&sort_dir=up'],
    ['ports', 'sort_key=name&sort_dir=DESC'],
  ];

  for (const [plural, query] of refused)
    assert.equal((await fixture.ask({ url: `${base}/${plural}?${query}` })).status, 400, query);
  assert.equal((await fixture.ask({ url: `${base}/ports?sort_key=binding:vnic_type&sort_dir=desc` })).status, 200);
});

test('accepts IPv6 modes that are null, and rejects unknown ones', async () => {
  const subnet = (fields: object) => create('subnet', { network_id: network, cidr: 'fd00:77::/64', ip_version: 6, ...fields });

  assert.equal((await subnet({ ipv6_address_mode: 'static' })).status, 400);
  assert.equal((await subnet({ ipv6_address_mode: null, ipv6_ra_mode: null })).status, 201);
});

test('reports blanks around a CIDR and octal addresses', async () => {
  for (const cidr of ['10.200.0.0/24 ', ' 10.200.0.0/24', '010.200.0.0/24']) {
    const { status, body } = await aSubnet({ cidr });
    assert.equal(status, 400, cidr);
    assert.match(body.NeutronError.message, /is not a valid|Invalid/, cidr);
  }
});

test('returns the quotas with usage of the own project', async () => {
  const project = (await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name: 'dave' } } }))
    .body.project;
  const user = (
    await fixture.ask({ method: 'POST', url: '/identity/v3/users', payload: { user: { name: 'dave', password: 'secret' } } })
  ).body.user;
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${project.id}/users/${user.id}/roles/member` });
  const headers = { 'x-auth-token': await fixture.logIn('dave', 'secret', 'dave') };
  const made = (await fixture.ask({ method: 'POST', url: `${base}/networks`, headers, payload: { network: {} } })).body.network;
  for (const name of ['a', 'b'])
    await fixture.ask({ method: 'POST', url: `${base}/ports`, headers, payload: { port: { name, network_id: made.id } } });

  const own = await fixture.ask({ url: `${base}/quotas/${project.id}/details`, headers });
  const foreign = await fixture.ask({ url: `${base}/quotas/${'0'.repeat(32)}/details`, headers });
  const asAdmin = await fixture.ask({ url: `${base}/quotas/${project.id}/details` });

  const { network: networks, port, router } = own.body.quota;
  assert.deepEqual(networks, { limit: 100, used: 1, reserved: 0 });
  assert.deepEqual([port.used, router.limit], [2, 50]);
  assert.deepEqual([foreign.status, asAdmin.status], [403, 200]);
});
