/** Which ports belong to a server, and who may choose its addresses. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const servers = '/compute/v2.1/servers';
const network = '/network/v2.0';
await fixture.store.flavors.insert(aFlavor());
const image = await fixture.store.images.insert({ ...anImage(), visibility: 'public' });

type Headers = { 'x-auth-token': string };

async function aMember(name: string): Promise<Headers> {
  const url = '/identity/v3';
  const password = 'correct battery';
  const { project } = (await fixture.ask({ method: 'POST', url: `${url}/projects`, payload: { project: { name } } })).body;
  const { user } = (await fixture.ask({ method: 'POST', url: `${url}/users`, payload: { user: { name, password } } })).body;
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/member` });
  return { 'x-auth-token': await fixture.logIn(name, password, name) };
}

async function make(noun: string, fields: object, headers?: Headers) {
  const payload = { [noun]: fields };
  const reply = await fixture.ask({ method: 'POST', url: `${network}/${noun}s`, payload, ...(headers && { headers }) });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

async function aMachine(address: string): Promise<void> {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  const node = await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  await fixture.engine.createNodePort({ node_uuid: node.uuid, address });
}

function createServer(networks: object[], headers: Headers) {
  const server = { name: 'web', imageRef: image.id, flavorRef: 'f1', networks };
  return fixture.ask({ method: 'POST', url: servers, headers, payload: { server } });
}

const [alice, bob] = [await aMember('alice'), await aMember('bob')];
const site = await make('network', { name: 'site', shared: true });
await make('subnet', { network_id: site.id, ip_version: 4, cidr: '10.60.0.0/24' });

test("a port that took a machine's MAC loses it to the machine", async () => {
  const own = await make('network', { name: 'early' }, bob);
  const early = await make('port', { network_id: own.id, mac_address: '52:54:00:60:00:03' }, bob);
  await aMachine('52:54:00:60:00:03');

  const { id } = (await createServer([{ uuid: site.id }], alice)).body.server;
  await fixture.quiet();

  const { server } = (await fixture.ask({ url: `${servers}/${id}`, headers: alice })).body;
  assert.equal(server.status, 'ACTIVE');
  assert.equal(server.addresses.site[0]['OS-EXT-IPS-MAC:mac_addr'], '52:54:00:60:00:03');
  assert.match((await fixture.store.ports.find({ id: early.id }))?.mac_address ?? '', /^fa:16:3e:/);
});

test("a port of another project with a server's id is not attached to that server and stays unchanged", async () => {
  await aMachine('52:54:00:60:00:01');
  const { id } = (await createServer([{ uuid: site.id }], alice)).body.server;
  await fixture.quiet();
  const port = await make('port', { network_id: site.id, device_id: id, device_owner: 'compute:nova' }, bob);
  const ask = async (path: string) => (await fixture.ask({ url: `${servers}/${id}${path}`, headers: alice })).body;

  const shown = await ask('');
  const interfaces = await ask('/os-interface');
  const ips = await ask('/ips');
  const foreign = await fixture.ask({ url: `${servers}/${id}/os-interface/${port.id}`, headers: alice });

  assert.deepEqual(
    shown.server.addresses.site.map(({ addr }: { addr: string }) => addr),
    ['10.60.0.3'],
  );
  assert.deepEqual(ips.addresses, { site: [{ version: 4, addr: '10.60.0.3' }] });
  assert.deepEqual(
    interfaces.interfaceAttachments.map(({ mac_addr }: { mac_addr: string }) => mac_addr),
    ['52:54:00:60:00:01'],
  );
  assert.equal(foreign.status, 404);
  await fixture.ask({ method: 'DELETE', url: `${servers}/${id}`, headers: alice });
  await fixture.quiet();
  const kept = await fixture.store.ports.find({ id: port.id });
  assert.deepEqual([kept?.device_id, kept?.device_owner, kept?.mac_address], [id, 'compute:nova', port.mac_address]);
});

test("rejects a chosen address on another project's network through Nova too", async () => {
  const reply = await createServer([{ uuid: site.id, fixed_ip: '10.60.0.77' }], bob);

  assert.equal(reply.status, 403);
  assert.match(reply.body.forbidden.message, /rule:create_port:fixed_ips:ip_address is disallowed by policy/);
});

test('rejects an invalid address before allocating anything', async () => {
  const own = await make('network', { name: 'no-address' }, bob);
  for (const fixed_ip of ['banana', '', '010.61.0.77', '10.61.0.0/24', '10.61.0.77 ']) {
    const { status, body } = await createServer([{ uuid: own.id, fixed_ip }], bob);
    assert.equal(status, 400, fixed_ip);
    assert.match(body.badRequest.message, /fixed_ip.*is not an IPv4 or IPv6 address/);
  }
});

test("accepts a member's chosen address on the own network", async () => {
  const own = await make('network', { name: 'own' }, bob);
  await make('subnet', { network_id: own.id, ip_version: 4, cidr: '10.61.0.0/24' }, bob);
  await aMachine('52:54:00:60:00:02');

  const { id } = (await createServer([{ uuid: own.id, fixed_ip: '10.61.0.77' }], bob)).body.server;
  await fixture.quiet();

  const { server } = (await fixture.ask({ url: `${servers}/${id}`, headers: bob })).body;
  assert.equal(server.addresses.own[0].addr, '10.61.0.77');
});
