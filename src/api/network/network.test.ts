import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

let fixture: ApiFixture;
let member: { 'x-auth-token': string };
before(async () => {
  fixture = await openApiFixture();
  member = { 'x-auth-token': await aMember('carol') };
});
after(() => fixture.close());

const base = '/network/v2.0';

async function aMember(name: string): Promise<string> {
  const url = '/identity/v3';
  const project = (await fixture.ask({ method: 'POST', url: `${url}/projects`, payload: { project: { name } } })).body.project;
  const user = (await fixture.ask({ method: 'POST', url: `${url}/users`, payload: { user: { name, password: 'secret' } } })).body
    .user;
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/member` });
  return fixture.logIn(name, 'secret', name);
}

async function make(noun: string, fields: object, headers: object = {}) {
  const reply = await fixture.ask({
    method: 'POST',
    url: `${base}/${noun}s`,
    payload: { [noun]: fields },
    headers: { ...headers },
  });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

const typeOf = (reply: { body: { NeutronError: { type: string } } }) => reply.body.NeutronError.type;

test('creates, changes and deletes a network, its subnet and a port', async () => {
  const network = await make('network', { name: 'life', mtu: '9000' });
  const subnet = await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/29' });
  const port = await make('port', { network_id: network.id, name: 'p' });
  const remove = (path: string) => fixture.ask({ method: 'DELETE', url: `${base}/${path}` });

  assert.equal(network.mtu, 9000);
  assert.equal(network['provider:network_type'], 'flat');
  assert.deepEqual(port.fixed_ips, [{ subnet_id: subnet.id, ip_address: '10.0.0.2' }]);
  assert.deepEqual((await fixture.ask({ url: `${base}/networks/${network.id}` })).body.network.subnets, [subnet.id]);
  assert.equal(typeOf(await remove(`networks/${network.id}`)), 'NetworkInUse');
  assert.equal(typeOf(await remove(`subnets/${subnet.id}`)), 'SubnetInUse');
  assert.equal((await remove(`ports/${port.id}`)).status, 204);
  assert.equal(typeOf(await remove(`ports/${port.id}`)), 'PortNotFound');
  assert.equal((await remove(`networks/${network.id}`)).status, 204);
  assert.equal(typeOf(await fixture.ask({ url: `${base}/subnets/${subnet.id}` })), 'SubnetNotFound');
});

test('accepts booleans and the IP version as text, as neutron-lib does', async () => {
  const network = await make('network', { name: 'texts', admin_state_up: 'False', shared: 1, 'router:external': ' no ' });
  assert.deepEqual([network.admin_state_up, network.shared, network['router:external']], [false, true, false]);
  const subnet = await make('subnet', { network_id: network.id, ip_version: '4', cidr: '10.9.0.0/29', enable_dhcp: 'off' });
  assert.deepEqual([subnet.ip_version, subnet.enable_dhcp], [4, false]);

  for (const [noun, fields] of [
    ['network', { shared: 'perhaps' }],
    ['network', { admin_state_up: 2 }],
    ['subnet', { network_id: network.id, ip_version: '5', cidr: '10.9.1.0/29' }],
    ['subnet', { network_id: network.id, ip_version: 'four', cidr: '10.9.1.0/29' }],
  ] as const) {
    const reply = await fixture.ask({ method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields } });
    assert.equal(reply.status, 400, JSON.stringify(fields));
  }
  for (const path of [`subnets/${subnet.id}`, `networks/${network.id}`])
    assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${path}` })).status, 204);
});

test("address conflicts have Neutron's exception names", async () => {
  const network = await make('network', { name: 'tight' });
  await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/30', gateway_ip: '10.0.0.1' });
  const first = await make('port', { network_id: network.id, mac_address: 'FA-16-3E-00-00-01' });
  const add = (fields: object) =>
    fixture.ask({ method: 'POST', url: `${base}/ports`, payload: { port: { network_id: network.id, ...fields } } });

  const full = await add({});
  const sameIp = await add({ fixed_ips: [{ ip_address: first.fixed_ips[0].ip_address }] });
  const sameMac = await add({ mac_address: 'fa:16:3e:00:00:01', fixed_ips: [] });

  assert.equal(first.mac_address, 'fa:16:3e:00:00:01');
  assert.deepEqual([full, sameIp, sameMac].map(typeOf), [
    'IpAddressGenerationFailure',
    'IpAddressAlreadyAllocated',
    'MacAddressInUse',
  ]);
  assert.deepEqual(new Set([full.status, sameIp.status, sameMac.status]), new Set([409]));
});

test('others see shared networks, change only their own, and have no privileged fields', async () => {
  const shared = await make('network', { name: 'shared', shared: true });
  const secret = await make('network', { name: 'secret' });
  const own = await make('network', { name: 'own' }, member);
  const as = (request: object) => fixture.ask({ ...request, headers: member });
  const names = (await as({ url: `${base}/networks` })).body.networks.map((network: { name: string }) => network.name);

  assert.deepEqual(names.sort(), ['own', 'shared']);
  assert.equal((await as({ url: `${base}/networks/${secret.id}` })).status, 404);
  assert.equal((await as({ url: `${base}/networks/${shared.id}` })).body.network['provider:network_type'], undefined);
  assert.equal((await as({ method: 'DELETE', url: `${base}/networks/${shared.id}` })).status, 403);
  assert.equal((await as({ method: 'POST', url: `${base}/networks`, payload: { network: { shared: true } } })).status, 403);
  const provider = { network: { 'provider:physical_network': 'x' } };
  assert.equal((await as({ method: 'POST', url: `${base}/networks`, payload: provider })).status, 403);
  await make('subnet', { network_id: shared.id, ip_version: 4, cidr: '10.2.0.0/24' });
  await make('port', { network_id: shared.id }, member);
  const unshare = await fixture.ask({
    method: 'PUT',
    url: `${base}/networks/${shared.id}`,
    payload: { network: { shared: false } },
  });
  assert.equal(typeOf(unshare), 'InvalidSharedSetting');
  assert.equal((await fixture.ask({ url: `${base}/networks/${own.id}` })).status, 200);
});

test("on another project's network, rejects a chosen MAC and the gateway address", async () => {
  const network = await make('network', { name: 'guests', shared: true });
  await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.4.0.0/24', gateway_ip: '10.4.0.1' });
  const port = await make('port', { network_id: network.id }, member);
  const mac_address = 'fa:16:3e:00:00:02';
  const url = `${base}/ports`;

  const made = await fixture.ask({
    method: 'POST',
    url,
    headers: member,
    payload: { port: { network_id: network.id, mac_address } },
  });
  const changed = await fixture.ask({
    method: 'PUT',
    url: `${url}/${port.id}`,
    headers: member,
    payload: { port: { mac_address } },
  });
  const router = { network_id: network.id, fixed_ips: [{ ip_address: '10.4.0.1' }] };
  const taken = await fixture.ask({ method: 'POST', url, payload: { port: router } });

  assert.deepEqual([made.status, changed.status], [403, 403]);
  assert.equal(typeOf(taken), 'IpAddressAlreadyAllocated');
});

test('reveals no ports of another project to a member, by filters or by markers', async () => {
  const network = await make('network', { name: 'theirs', shared: true });
  const theirs = await make('port', { network_id: network.id, name: 'theirs' });
  const own = await make('port', { network_id: network.id, name: 'own' }, member);
  const list = (query: string) => fixture.ask({ url: `${base}/ports?network_id=${network.id}&${query}`, headers: member });
  const namesOf = async (query: string) => (await list(query)).body.ports.map((port: { name: string }) => port.name);

  assert.deepEqual(await namesOf('sort_key=name'), ['own']);
  assert.deepEqual(await namesOf('name=theirs'), []);
  assert.deepEqual(await namesOf(`project_id=${theirs.project_id}`), []);
  assert.deepEqual(await namesOf('admin_state_up=True'), ['own']);
  for (const query of ['', '&admin_state_up=True']) assert.equal((await list(`marker=${theirs.id}${query}`)).status, 400);
  assert.deepEqual(await namesOf(`marker=${own.id}`), []);
});

test('lists filter by any field, sort, project and page', async () => {
  const network = await make('network', { name: 'lists' });
  await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.3.0.0/24' });
  for (const name of ['c', 'a', 'b']) await make('port', { network_id: network.id, name });
  const list = async (query: string) => (await fixture.ask({ url: `${base}/ports?network_id=${network.id}&${query}` })).body;
  const namesOf = async (query: string) => (await list(query)).ports.map((port: { name: string }) => port.name);

  assert.deepEqual(await namesOf('name=a&name=b&sort_key=name'), ['a', 'b']);
  assert.deepEqual(await namesOf('fixed_ips=ip_address%3D10.3.0.3'), ['a']);
  assert.deepEqual(await namesOf('admin_state_up=False'), []);
  assert.deepEqual(await namesOf('sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
  assert.deepEqual((await list('fields=name&fields=status&name=a')).ports, [{ name: 'a', status: 'DOWN' }]);
  const page = await list('limit=2&sort_key=name');
  assert.equal(page.ports.length, 2);
  const next = await fixture.ask({ url: page.ports_links[0].href });
  assert.deepEqual(
    next.body.ports.map((port: { name: string }) => port.name),
    ['c'],
  );
  assert.equal((await fixture.ask({ url: `${base}/ports?colour=red` })).status, 400);
  const walked: string[] = [];
  for (let url: string | undefined = `${base}/ports?network_id=${network.id}&limit=1`; url; ) {
    const { body } = await fixture.ask({ url });
    walked.push(...body.ports.map((port: { name: string }) => port.name));
    url = body.ports_links?.[0].href;
  }
  assert.deepEqual(walked.toSorted(), ['a', 'b', 'c']);
  assert.equal((await fixture.ask({ url: `${base}/ports?marker=nobody` })).status, 400);
  // As many as fit into a request's headers.
  assert.deepEqual(await namesOf(`sort_key=name${'&sort_key=name'.repeat(1000)}`), ['a', 'b', 'c']);
  assert.deepEqual(await namesOf(`sort_key=name${'&fixed_ips=a%3D'.repeat(1200)}&fixed_ips=ip_address%3D10.3.0.3`), ['a']);
});

test('an administrator binds a port to a host, as Nova does; members neither see nor set it', async () => {
  const network = await make('network', { name: 'bound', shared: true });
  const profile = { physical_network: 'physnet1' };
  const port = await make('port', { network_id: network.id, 'binding:host_id': 'compute-1', 'binding:profile': profile });
  const url = `${base}/ports/${port.id}`;
  const bindingOf = async () => {
    const { port: now } = (await fixture.ask({ url })).body;
    return [now['binding:host_id'], now['binding:profile'], now['binding:vif_type']];
  };
  const put = (fields: object, headers = {}) => fixture.ask({ method: 'PUT', url, payload: { port: fields }, headers });
  const namesAt = async (filters: string) => {
    const { ports } = (await fixture.ask({ url: `${base}/ports?network_id=${network.id}&${filters}` })).body;
    return ports.map(({ id }: { id: string }) => id);
  };

  assert.deepEqual(await bindingOf(), ['compute-1', profile, 'other']);
  assert.deepEqual(await namesAt('binding:host_id=compute-1&binding:vif_type=other'), [port.id]);
  assert.deepEqual(await namesAt('binding:vif_type=unbound'), []);
  assert.equal((await put({ 'binding:profile': { long: 'x'.repeat(5000) } })).status, 400);
  assert.equal((await put({ 'binding:host_id': 7 })).status, 400);
  assert.equal((await put({ 'binding:host_id': null, 'binding:profile': null })).status, 200);
  assert.deepEqual(await bindingOf(), ['', {}, 'unbound']);
  assert.deepEqual(await namesAt('binding:vif_type=unbound'), [port.id]);

  const own = { network_id: network.id, 'binding:host_id': 'compute-1' };
  const refused = await fixture.ask({ method: 'POST', url: `${base}/ports`, payload: { port: own }, headers: member });
  assert.equal(refused.status, 403);
});

test('does not change or delete a port that a machine uses', async () => {
  const network = await make('network', { name: 'bound' });
  await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.4.0.0/24' });
  const port = await make('port', { network_id: network.id });
  const now = new Date().toISOString();
  const nic = {
    uuid: 'nic',
    node_uuid: 'node',
    address: '52:54:00:00:00:01',
    pxe_enabled: true,
    local_link_connection: {},
    extra: {},
  };
  await fixture.store.node_ports.insert({ ...nic, vif_port_id: port.id, created_at: now, updated_at: now });
  const change = (fields: object) => fixture.ask({ method: 'PUT', url: `${base}/ports/${port.id}`, payload: { port: fields } });

  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/ports/${port.id}` })).status, 409);
  assert.equal((await change({ fixed_ips: [] })).status, 409);
  assert.equal((await change({ name: 'renamed' })).body.port.name, 'renamed');
});

test('recomputes the pools of a changed subnet', async () => {
  const network = await make('network', { name: 'replanned' });
  const subnet = await make('subnet', { network_id: network.id, ip_version: 4, cidr: '10.5.0.0/24' });
  const change = (fields: object) =>
    fixture.ask({ method: 'PUT', url: `${base}/subnets/${subnet.id}`, payload: { subnet: fields } });

  const clash = await change({ gateway_ip: '10.5.0.9' });
  const pool = { start: '10.5.0.10', end: '10.5.0.20' };
  const changed = await change({ gateway_ip: '10.5.0.9', allocation_pools: [pool], dns_nameservers: ['9.9.9.9'] });

  assert.match(clash.body.NeutronError.message, /contains the gateway 10\.5\.0\.9/);
  assert.deepEqual(changed.body.subnet.allocation_pools, [pool]);
  assert.equal((await fixture.ask({ url: `${base}/subnets/${subnet.id}` })).body.subnet.gateway_ip, '10.5.0.9');
});

test('lists unsupported resources as empty, and rejects them by name', async () => {
  const flavors = await fixture.ask({ url: `${base}/flavors` });
  const flavor = await fixture.ask({ method: 'POST', url: `${base}/flavors`, payload: { flavor: {} } });
  const extension = await fixture.ask({ url: `${base}/extensions/flavors` });

  assert.deepEqual(flavors.body, { flavors: [] });
  assert.equal(flavor.status, 501);
  assert.match(flavor.body.NeutronError.message, /^A flavor of a network service is not supported by Ingot yet/);
  assert.equal(extension.status, 404);
  const { quota } = (await fixture.ask({ url: `${base}/quotas/x` })).body;
  assert.deepEqual([quota.network, quota.subnet, quota.port, quota.router], [100, 100, 500, 50]);
});
