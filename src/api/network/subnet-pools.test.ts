/** Subnet pools, and subnets from them (neutron/db/db_base_plugin_v2.py, neutron/ipam/subnet_alloc.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = member) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}
const byAdmin = {};
const theirs = `/subnetpools/${others['subnetpools']}`;

async function makePool(fields: object, headers: object = member) {
  const { status, body } = await ask('POST', '/subnetpools', { subnetpool: { name: 'site', ...fields } }, headers);
  assert.equal(status, 201, JSON.stringify(body));
  return body.subnetpool;
}
async function makeNetwork(headers: object = member): Promise<string> {
  return (await ask('POST', '/networks', { network: { name: 'pooled' } }, headers)).body.network.id;
}
const makeSubnet = (network_id: string, fields: object, headers: object = member) =>
  ask('POST', '/subnets', { subnet: { network_id, ip_version: 4, ...fields } }, headers);
const resultOf = ({ status, body, type }: Awaited<ReturnType<typeof ask>>) =>
  status === 201 ? body.subnet.cidr : [status, type];

test('the fields of a pool have the defaults of its version, and lengths are texts', async () => {
  const pool = await makePool({ prefixes: ['10.51.1.0/24', '10.51.0.0/24'], description: 'for tests' });
  assert.deepEqual(
    [pool.prefixes, pool.min_prefixlen, pool.default_prefixlen, pool.max_prefixlen, pool.ip_version],
    [['10.51.0.0/23'], '8', '8', '32', 4],
  );
  assert.deepEqual(
    [pool.default_quota, pool.address_scope_id, pool.is_default, pool.shared, pool.tags],
    [null, null, false, false, []],
  );
  const six = await makePool({ prefixes: ['fd51::/48'], default_prefixlen: '72', max_prefixlen: 80 });
  assert.deepEqual([six.min_prefixlen, six.default_prefixlen, six.max_prefixlen], ['64', '72', '80']);
  const url = `/subnetpools/${six.id}`;
  const changed = await ask('PUT', url, { subnetpool: { name: 'other', default_prefixlen: 66, is_default: false } });
  assert.deepEqual(
    [changed.status, changed.body.subnetpool.default_prefixlen, changed.body.subnetpool.revision_number],
    [200, '66', 1 + 1],
  );
  assert.equal((await ask('PUT', `${url}/tags/one`)).status, 201);
  assert.equal((await ask('GET', '/subnetpools?tags=one&ip_version=6&default_prefixlen=66')).body.subnetpools.length, 1);
  for (const { id } of [pool, six]) assert.equal((await ask('DELETE', `/subnetpools/${id}`)).status, 204);
});

test('what a pool cannot be is refused by its exception', async () => {
  const prefixes = ['10.52.0.0/16'];
  const refusals = [
    [{ prefixes: [] }, 'EmptySubnetPoolPrefixList'],
    [{ prefixes: ['10.52.0.0/16', 'fd52::/48'] }, 'PrefixVersionMismatch'],
    [{ prefixes, min_prefixlen: 24, max_prefixlen: 20 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ prefixes, max_prefixlen: 33 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ prefixes, default_prefixlen: 7 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ prefixes, max_prefixlen: 24, default_prefixlen: 25 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ prefixes: ['10.52.0.0'] }, 'HTTPBadRequest'],
    [{ prefixes, name: ' ' }, 'HTTPBadRequest'],
    [{ prefixes, default_quota: -1 }, 'HTTPBadRequest'],
  ] as const;
  for (const [fields, type] of refusals) {
    const refused = await ask('POST', '/subnetpools', { subnetpool: { name: 'bad', ...fields } });
    assert.equal(refused.status, 400, JSON.stringify(fields));
    if (type !== 'HTTPBadRequest') assert.equal(refused.type, type, JSON.stringify(fields));
  }
});

test('a subnet gets the best prefix, one that it names, or none', async () => {
  const { id } = await makePool({ prefixes: ['10.53.0.0/22'], default_prefixlen: 24, min_prefixlen: 23, max_prefixlen: 26 });
  const network = await makeNetwork();
  const get = async (fields: object) => resultOf(await makeSubnet(network, { subnetpool_id: id, ...fields }));

  assert.equal(await get({ cidr: '10.53.1.0/24' }), '10.53.1.0/24');
  assert.equal(await get({}), '10.53.0.0/24');
  assert.equal(await get({ prefixlen: '26' }), '10.53.2.0/26');
  assert.equal(await get({ gateway_ip: '10.53.3.9' }), '10.53.3.0/24');
  assert.deepEqual(await get({ prefixlen: 23 }), [409, 'SubnetAllocationError']);
  assert.deepEqual(await get({ cidr: '10.53.2.0/25' }), [409, 'SubnetAllocationError']);
  assert.deepEqual(await get({ cidr: '10.54.2.0/25' }), [409, 'SubnetAllocationError']);
  assert.deepEqual(await get({ prefixlen: 22 }), [400, 'MinPrefixSubnetAllocationError']);
  assert.deepEqual(await get({ prefixlen: 27 }), [400, 'MaxPrefixSubnetAllocationError']);
  assert.deepEqual(await get({ cidr: '10.53.2.128/26', prefixlen: 26 }), [400, 'BadRequest']);
  assert.deepEqual(await get({ ip_version: 6 }), [400, 'BadRequest']);
  assert.deepEqual(await get({ allocation_pools: [{ start: '10.53.2.65', end: '10.53.2.70' }] }), [400, 'BadRequest']);
  const listed = (await ask('GET', `/subnets?subnetpool_id=${id}`)).body.subnets;
  assert.equal(listed.length, 4);
  assert.deepEqual([...new Set(listed.map((subnet: { subnetpool_id: string }) => subnet.subnetpool_id))], [id]);

  const kept = await ask('DELETE', `/subnetpools/${id}`);
  assert.deepEqual([kept.status, kept.type], [400, 'SubnetPoolDeleteError']);
  assert.deepEqual(resultOf(await makeSubnet(network, { cidr: '10.60.0.0/24' })), [400, 'NetworkSubnetPoolAffinityError']);
  assert.equal((await ask('DELETE', `/networks/${network}`)).status, 204);
  assert.equal((await ask('DELETE', `/subnetpools/${id}`)).status, 204);
});

test('no prefix is given that others have on the same wire', async () => {
  const { id } = await makePool({ prefixes: ['10.9.0.0/23', '169.254.0.0/23', '192.168.0.0/16'], default_prefixlen: 24 });
  const network = await makeNetwork();
  // 10.9.0.0/24 is the other project's.
  assert.equal(resultOf(await makeSubnet(network, { subnetpool_id: id })), '10.9.1.0/24');
  const next = resultOf(await makeSubnet(network, { subnetpool_id: id }));
  assert.match(next, /^192\.168\./);
  await ask('DELETE', `/networks/${network}`);
});

test('requests at the same time get different prefixes', async () => {
  const { id } = await makePool({ prefixes: ['10.55.0.0/24'], default_prefixlen: 28 });
  const network = await makeNetwork();
  const made = await Promise.all(Array.from({ length: 18 }, () => makeSubnet(network, { subnetpool_id: id })));
  const cidrs = made.flatMap(({ status, body }) => (status === 201 ? [body.subnet.cidr] : []));
  assert.equal(new Set(cidrs).size, 16);
  assert.equal(made.filter(({ type }) => type === 'SubnetAllocationError').length, 2);
  await ask('DELETE', `/networks/${network}`);
});

test('a project may have as much of a pool as its quota says', async () => {
  const { id } = await makePool({ prefixes: ['10.56.0.0/16'], default_prefixlen: 26, default_quota: 100 });
  const network = await makeNetwork();
  const get = async (fields: object) => resultOf(await makeSubnet(network, { subnetpool_id: id, ...fields }));
  assert.equal(await get({}), '10.56.0.0/26');
  assert.deepEqual(await get({}), [409, 'SubnetPoolQuotaExceeded']);
  assert.equal(await get({ prefixlen: 27 }), '10.56.0.64/27');
  await ask('DELETE', `/networks/${network}`);
});

test('prefixes are added, and removed while no subnet has them', async () => {
  const { id } = await makePool({ prefixes: ['10.57.0.0/24'], default_prefixlen: 25 });
  const url = `/subnetpools/${id}`;
  const network = await makeNetwork();
  const shrunk = await ask('PUT', url, { subnetpool: { prefixes: ['10.57.0.0/25'] } });
  assert.deepEqual([shrunk.status, shrunk.type], [400, 'IllegalSubnetPoolPrefixUpdate']);
  const grown = await ask('PUT', url, { subnetpool: { prefixes: ['10.57.0.0/23', '10.57.2.0/23'] } });
  assert.deepEqual(grown.body.subnetpool.prefixes, ['10.57.0.0/22']);
  const added = await ask('PUT', `${url}/add_prefixes`, { prefixes: ['10.58.0.0/24'] });
  assert.deepEqual(added.body, { prefixes: ['10.57.0.0/22', '10.58.0.0/24'] });
  await makeSubnet(network, { subnetpool_id: id, cidr: '10.57.0.0/25' });
  const used = await ask('PUT', `${url}/remove_prefixes`, { prefixes: ['10.57.0.0/24'] });
  assert.deepEqual([used.status, used.type], [400, 'IllegalSubnetPoolPrefixUpdate']);
  const removed = await ask('PUT', `${url}/remove_prefixes`, { prefixes: ['10.57.0.128/25', '10.58.0.0/16'] });
  assert.deepEqual(removed.body, { prefixes: ['10.57.0.0/25', '10.57.1.0/24', '10.57.2.0/23'] });
  assert.equal((await ask('PUT', `${url}/add_prefixes`, { prefixes: [] })).status, 400);
  const many = Array.from({ length: 100 }, (_, index) => `10.59.${index * 2}.0/24`);
  assert.equal((await ask('PUT', `${url}/add_prefixes`, { prefixes: many })).status, 400);
  await ask('DELETE', `/networks/${network}`);
});

test('subnets without a prefix get one of the default pool, of which there is one for each version', async () => {
  const network = await makeNetwork();
  const use = { use_default_subnetpool: true };
  const without = await makeSubnet(network, use);
  assert.match(JSON.stringify(without.body), /No default subnetpool found for IPv4/);
  assert.equal((await makeSubnet(network, {})).status, 400);
  const asked = {
    subnetpool: { name: 'all', prefixes: ['10.61.0.0/16'], default_prefixlen: 24, is_default: true, shared: true },
  };
  assert.equal((await ask('POST', '/subnetpools', asked)).status, 403);
  const pool = (await ask('POST', '/subnetpools', asked, byAdmin)).body.subnetpool;
  const second = await ask('POST', '/subnetpools', asked, byAdmin);
  assert.deepEqual([second.status, second.type], [400, 'InvalidInput']);

  assert.equal(resultOf(await makeSubnet(network, use)), '10.61.0.0/24');
  assert.deepEqual(resultOf(await makeSubnet(network, { ...use, subnetpool_id: pool.id })), [400, 'BadRequest']);
  assert.equal((await ask('GET', '/subnetpools?shared=true&is_default=true')).body.subnetpools[0].id, pool.id);
  assert.equal((await ask('PUT', `/subnetpools/${pool.id}`, { subnetpool: { name: 'mine' } })).status, 403);
  assert.equal((await ask('PUT', `/subnetpools/${pool.id}`, { subnetpool: { shared: false } }, byAdmin)).status, 400);
  await ask('DELETE', `/networks/${network}`);
});

test('a pool of another project exists for those that it is shared with', async () => {
  const unseen = await ask('GET', theirs);
  assert.deepEqual([unseen.status, unseen.type], [404, 'SubnetPoolNotFound']);
  const network = await makeNetwork();
  const use = { subnetpool_id: others['subnetpools'], prefixlen: 24 };
  assert.deepEqual(resultOf(await makeSubnet(network, use)), [404, 'SubnetPoolNotFound']);

  const policy = { object_type: 'subnetpool', object_id: others['subnetpools'], action: 'access_as_shared' };
  const shared = await ask('POST', '/rbac-policies', { rbac_policy: { ...policy, target_tenant: own['projects'] } }, byAdmin);
  assert.equal(shared.status, 201);
  assert.equal((await ask('GET', theirs)).body.subnetpool.shared, true);
  assert.equal((await makeSubnet(network, use)).status, 201);
  const revoked = await ask('DELETE', `/rbac-policies/${shared.body.rbac_policy.id}`, undefined, byAdmin);
  assert.deepEqual([revoked.status, revoked.type], [409, 'RbacPolicyInUse']);
  await ask('DELETE', `/networks/${network}`);
  assert.equal((await ask('DELETE', `/rbac-policies/${shared.body.rbac_policy.id}`, undefined, byAdmin)).status, 204);
});

test('the pools of an address scope have no address in common, and networks show the scope', async () => {
  const makeScope = async (ip_version: number) =>
    (await ask('POST', '/address-scopes', { address_scope: { name: 'site', ip_version } })).body.address_scope.id;
  const [scope, six] = [await makeScope(4), await makeScope(6)];
  const prefixes = ['10.62.0.0/16'];
  const pool = await makePool({ prefixes, address_scope_id: scope, default_prefixlen: 24 });
  const refusal = async (fields: object) => {
    const { status, type } = await ask('POST', '/subnetpools', { subnetpool: { name: 'bad', prefixes, ...fields } });
    return [status, type];
  };
  assert.deepEqual(await refusal({ address_scope_id: scope, prefixes: ['10.62.9.0/24'] }), [409, 'AddressScopePrefixConflict']);
  assert.deepEqual(await refusal({ address_scope_id: six }), [400, 'IllegalSubnetPoolIpVersionAssociationToAddressScope']);
  assert.deepEqual(await refusal({ address_scope_id: others['address-scopes'] }), [404, 'AddressScopeNotFound']);
  const inUse = await ask('DELETE', `/address-scopes/${scope}`);
  assert.deepEqual([inUse.status, inUse.type], [409, 'AddressScopeInUse']);
  const share = { object_type: 'subnetpool', object_id: pool.id, action: 'access_as_shared', target_tenant: '7'.repeat(32) };
  assert.equal((await ask('POST', '/rbac-policies', { rbac_policy: share })).status, 400);

  const beside = await makePool({ prefixes: ['10.63.0.0/16'], address_scope_id: scope, default_prefixlen: 24 });
  const outside = await makePool({ prefixes: ['10.64.0.0/16'], default_prefixlen: 24 });
  const network = await makeNetwork();
  const get = async (subnetpool_id: string) => resultOf(await makeSubnet(network, { subnetpool_id }));
  assert.equal(await get(pool.id), '10.62.0.0/24');
  assert.equal(await get(beside.id), '10.63.0.0/24');
  assert.deepEqual(await get(outside.id), [400, 'NetworkAddressScopeAffinityError']);
  const shown = (await ask('GET', `/networks/${network}`)).body.network;
  assert.deepEqual([shown.ipv4_address_scope, shown.ipv6_address_scope], [scope, null]);
  const moved = await ask('PUT', `/subnetpools/${pool.id}`, { subnetpool: { address_scope_id: six } });
  assert.equal(moved.status, 400);
  await ask('DELETE', `/networks/${network}`);
});

test('a project has at most fifty pools, and no more than its quota', async () => {
  const subnetpools = Array.from({ length: 50 }, (_, index) => ({ name: `${index}`, prefixes: ['10.65.0.0/16'] }));
  const over = await ask('POST', '/subnetpools', { subnetpools });
  assert.deepEqual([over.status, over.type], [409, 'OverQuota']);
});
