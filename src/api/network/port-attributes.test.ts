/** Address pairs and other facts of ports (neutron-lib, api/validators/allowedaddresspairs.py; ml2's checks of port security). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Fields = Readonly<Record<string, unknown>>;
async function send(method: 'POST' | 'PUT', path: string, fields: Fields, headers: object = member) {
  const noun = path.split('/')[1]?.slice(0, -1) ?? '';
  const { status, body } = await fixture.ask({ method, url: base + path, payload: { [noun]: fields }, headers: { ...headers } });
  return { status, type: body.NeutronError?.type, made: body[noun] };
}

const network_id = (await send('POST', '/networks', { name: 'own' })).made.id;
const subnet = (await send('POST', '/subnets', { network_id, ip_version: 4, cidr: '10.71.0.0/24' })).made.id;
const port = (fields: Fields, headers?: object) => send('POST', '/ports', { network_id, ...fields }, headers);
const pair = (ip_address: string, mac_address?: string) => ({ ip_address, ...(mac_address && { mac_address }) });

test("a pair without a MAC has the port's", async () => {
  const { made } = await port({ allowed_address_pairs: [pair('10.71.0.200'), pair('10.71.1.0/24', '52-54-00-AA-00-01')] });
  const same = await send('PUT', `/ports/${made.id}`, { allowed_address_pairs: made.allowed_address_pairs });
  const none = await send('PUT', `/ports/${made.id}`, { allowed_address_pairs: null });

  const pairs = [pair('10.71.0.200', made.mac_address), pair('10.71.1.0/24', '52:54:00:aa:00:01')];
  assert.deepEqual(
    [made.allowed_address_pairs, same.made.allowed_address_pairs, none.made.allowed_address_pairs],
    [pairs, pairs, []],
  );
});

test('refuses what Neutron refuses', async () => {
  const many = Array.from({ length: 11 }, (_, index) => pair(`10.71.2.${index}`));
  const mac = '52:54:00:aa:00:02';
  const cases: [Fields[], number, string][] = [
    [many, 400, 'AllowedAddressPairExhausted'],
    [[{ mac_address: mac }], 400, 'AllowedAddressPairsMissingIP'],
    [[pair('10.71.0.1', mac), pair('10.71.0.1', mac.toUpperCase())], 400, 'DuplicateAddressPairInRequest'],
    [[pair('224.0.0.1')], 400, 'HTTPBadRequest'],
    [[pair('ff02::/16')], 400, 'HTTPBadRequest'],
    [[pair('10.71.0.1/33')], 400, 'HTTPBadRequest'],
    [[pair('host\n')], 400, 'HTTPBadRequest'],
  ];
  for (const [allowed_address_pairs, status, type] of cases) {
    const reply = await port({ allowed_address_pairs });
    assert.deepEqual([reply.status, reply.type], [status, type], JSON.stringify(allowed_address_pairs).slice(0, 80));
  }
});

test('pairs need port security', async () => {
  const pairs = { allowed_address_pairs: [pair('10.71.0.210')] };
  const off = { port_security_enabled: false, security_groups: [] };
  const required = [409, 'AddressPairAndPortSecurityRequired'];
  const created = await port({ ...pairs, ...off });
  const { id } = (await port(pairs)).made;
  const disabled = await send('PUT', `/ports/${id}`, off);
  const both = await send('PUT', `/ports/${id}`, { ...off, allowed_address_pairs: [] });
  const added = await send('PUT', `/ports/${id}`, pairs);

  assert.deepEqual([created.status, created.type], required);
  assert.deepEqual([disabled.status, disabled.type], required);
  assert.deepEqual([both.status, both.made.port_security_enabled, added.status], [200, false, 409]);
});

test('facts of ports: who may set them, and to what', async () => {
  const { made } = await port({ propagate_uplink_status: 'False', numa_affinity_policy: 'socket' });
  const set = (fields: Fields, headers?: object) => send('PUT', `/ports/${made.id}`, fields, headers);

  assert.deepEqual([made.propagate_uplink_status, made.numa_affinity_policy, made.data_plane_status], [false, 'socket', null]);
  assert.equal((await set({ data_plane_status: 'ACTIVE' })).status, 403);
  assert.equal((await set({ data_plane_status: 'DOWN' }, {})).made.data_plane_status, 'DOWN');
  assert.equal((await set({ data_plane_status: 'UNKNOWN' }, {})).status, 400);
  assert.equal((await port({ data_plane_status: 'DOWN' }, {})).status, 400);
  assert.equal((await set({ numa_affinity_policy: null })).made.numa_affinity_policy, null);
  assert.equal((await set({ numa_affinity_policy: 'other' })).status, 400);
});

test('ports by address, part of an address and subnet', async () => {
  const address = '10.71.0.123';
  const { id } = (await port({ fixed_ips: [{ ip_address: address }] })).made;
  const found = async (...filters: string[]) => {
    const query = filters.map((filter) => `fixed_ips=${filter}`).join('&');
    const { body } = await fixture.ask({ url: `${base}/ports?fields=id&${query}`, headers: { ...member } });
    return body.ports.some((row: { id: string }) => row.id === id) as boolean;
  };

  assert.deepEqual(
    [await found(`ip_address=${address}`), await found('ip_address_substr=0.123'), await found(`subnet_id=${subnet}`)],
    [true, true, true],
  );
  assert.equal(await found(`subnet_id=${subnet}`, `ip_address=${address}`, 'ip_address=10.71.0.99'), true);
  assert.deepEqual(
    [await found(`subnet_id=${subnet}`, 'ip_address=10.71.0.99'), await found('ip_address_substr=%25'), await found('other=1')],
    [false, false, true],
  );
});
