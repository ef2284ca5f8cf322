/** RBAC policies and address groups (neutron/db/rbac_db_mixin.py, neutron/db/address_group_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: mallory, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';
const victim = { 'x-auth-token': await fixture.logIn('victim', 'a long password', 'victim') };

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, path: string, payload?: object, headers: object = {}) =>
  fixture.ask({ method, url: `${base}${path}`, headers: { ...headers }, ...(payload && { payload }) });
const typeOf = ({ body }: { body: { NeutronError?: { type: string } } }) => body.NeutronError?.type;

const share = (object_type: string, object_id: string | undefined, headers: object, fields: object = {}) =>
  ask(
    'POST',
    '/rbac-policies',
    { rbac_policy: { object_type, object_id, action: 'access_as_shared', target_tenant: own['projects'], ...fields } },
    headers,
  );

async function shared(object_type: string, object_id: string | undefined, headers: object, fields: object = {}): Promise<string> {
  const { status, body } = await share(object_type, object_id, headers, fields);
  assert.equal(status, 201, JSON.stringify(body));
  return body.rbac_policy.id;
}

test('a project gives another one access to its network, and takes it back when nothing uses it', async () => {
  const network = others['networks'] ?? '';
  const url = `/networks/${network}`;
  const port = { port: { network_id: network } };
  assert.equal((await ask('GET', url, undefined, mallory)).status, 404);
  assert.equal((await ask('POST', '/ports', port, mallory)).status, 404);

  const policy = await shared('network', network, victim);

  const seen = await ask('GET', url, undefined, mallory);
  assert.deepEqual([seen.status, seen.body.network.shared], [200, true]);
  assert.equal((await ask('GET', url, undefined, victim)).body.network.shared, false);
  const filtered = await ask('GET', '/networks?shared=True', undefined, mallory);
  assert.deepEqual(
    filtered.body.networks.map(({ id }: { id: string }) => id),
    [network],
  );
  const subnets = await ask('GET', `/subnets?network_id=${network}`, undefined, mallory);
  assert.equal(subnets.body.subnets.length, 1);
  for (const [method, payload] of [
    ['PUT', { network: { name: 'mine' } }],
    ['DELETE', undefined],
  ] as const)
    assert.equal((await ask(method, url, payload, mallory)).status, 403);
  const chosen = { port: { ...port.port, fixed_ips: [{ ip_address: '10.9.0.77' }] } };
  assert.equal((await ask('POST', '/ports', chosen, mallory)).status, 403);
  const made = await ask('POST', '/ports', port, mallory);
  assert.equal(made.status, 201);

  const inUse = await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim);
  assert.deepEqual([inUse.status, typeOf(inUse)], [409, 'RbacPolicyInUse']);
  const moved = { rbac_policy: { target_tenant: '7'.repeat(32) } };
  assert.equal(typeOf(await ask('PUT', `/rbac-policies/${policy}`, moved, victim)), 'RbacPolicyInUse');
  await ask('DELETE', `/ports/${made.body.port.id}`, undefined, mallory);
  assert.equal((await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim)).status, 204);
  assert.equal((await ask('GET', url, undefined, mallory)).status, 404);
  assert.equal((await ask('POST', '/ports', port, mallory)).status, 404);
});

test('a server is made on a network that is shared with its project, and on no other one', async () => {
  const server = { name: 'guest', imageRef: own['images'], flavorRef: 'f1', networks: [{ uuid: others['networks'] }] };
  const create = () => fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers: mallory, payload: { server } });
  assert.equal((await create()).status, 400);

  const policy = await shared('network', others['networks'], victim);
  await aFreeNode(fixture);
  const { status, body } = await create();
  await fixture.quiet();

  assert.equal(status, 202);
  assert.equal((await fixture.store.servers.find({ id: body.server.id }))?.vm_state, 'active');
  assert.equal(typeOf(await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim)), 'RbacPolicyInUse');
  await fixture.ask({ method: 'DELETE', url: `/compute/v2.1/servers/${body.server.id}`, headers: mallory });
  await fixture.quiet();
  assert.equal((await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim)).status, 204);
});

test('only administrators share with all projects, or what another project owns', async () => {
  const [network, group] = [others['networks'], others['security-groups']];
  assert.equal((await share('network', network, victim, { target_tenant: '*' })).status, 403);
  assert.equal((await share('network', network, victim, { target_tenant: undefined, target_project: '*' })).status, 403);
  assert.equal((await share('network', network, mallory)).status, 404);
  const policy = await shared('network', network, victim);
  const widened = { rbac_policy: { target_tenant: '*' } };
  assert.equal((await ask('PUT', `/rbac-policies/${policy}`, widened, victim)).status, 403);
  assert.equal((await ask('PUT', `/rbac-policies/${policy}`, widened, mallory)).status, 404);
  const foreign = await share('network', network, mallory, { target_tenant: '7'.repeat(32) });
  assert.match(foreign.body.NeutronError.message, /Only admins can manipulate policies on objects they do not own/);
  assert.equal(typeOf(await share('network', network, victim)), 'DuplicateRbacPolicy');
  for (const fields of [{ object_type: 'router' }, { action: 'access_as_owner' }, { target_tenant: 'everybody' }])
    assert.equal((await share('network', network, victim, fields)).status, 400, JSON.stringify(fields));
  assert.equal((await share('security_group', group, victim, { action: 'access_as_external' })).status, 400);
  await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim);
});

test('the fields `shared` and `router:external` of a network are RBAC policies', async () => {
  const { network } = (await ask('POST', '/networks', { network: { name: 'all', shared: true } })).body;
  const policies = async () =>
    (await ask('GET', `/rbac-policies?object_id=${network.id}`)).body.rbac_policies.map(
      ({ action, target_tenant }: { action: string; target_tenant: string }) => `${action} ${target_tenant}`,
    );
  assert.deepEqual(await policies(), ['access_as_shared *']);
  await ask('PUT', `/networks/${network.id}`, { network: { shared: false, 'router:external': true } });
  assert.deepEqual(await policies(), ['access_as_external *']);
  const seen = await ask('GET', `/networks/${network.id}`, undefined, mallory);
  assert.deepEqual([seen.body.network['router:external'], seen.body.network.shared], [true, false]);
  assert.equal((await ask('POST', '/ports', { port: { network_id: network.id } }, mallory)).status, 403);
  const wildcard = await shared('network', network.id, {}, { target_tenant: '*' });
  assert.equal((await ask('GET', `/networks/${network.id}`)).body.network.shared, true);
  await ask('DELETE', `/rbac-policies/${wildcard}`);
  assert.equal((await ask('GET', `/networks/${network.id}`)).body.network.shared, false);
  assert.equal((await ask('DELETE', `/networks/${network.id}`)).status, 204);
  assert.deepEqual(await policies(), []);
});

test('a shared security group is used, and not changed, by the other project', async () => {
  const group = others['security-groups'];
  const port = (ids: (string | undefined)[]) => ask('PUT', `/ports/${own['ports']}`, { port: { security_groups: ids } }, mallory);
  await ask('PUT', `/ports/${own['ports']}`, { port: { fixed_ips: [{ subnet_id: own['subnets'] }] } }, mallory);
  const policy = await shared('security_group', group, victim);

  const seen = await ask('GET', `/security-groups/${group}`, undefined, mallory);
  assert.deepEqual([seen.body.security_group.shared, seen.body.security_group.security_group_rules.length], [true, 2]);
  assert.equal((await ask('PUT', `/security-groups/${group}`, { security_group: { name: 'x' } }, mallory)).status, 403);
  const rule = { security_group_rule: { security_group_id: group, direction: 'ingress' } };
  assert.equal((await ask('POST', '/security-group-rules', rule, mallory)).status, 403);
  assert.equal((await port([group])).status, 200);
  assert.equal(typeOf(await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim)), 'RbacPolicyInUse');
  assert.equal((await port([])).status, 200);
  assert.equal((await ask('DELETE', `/rbac-policies/${policy}`, undefined, victim)).status, 204);
  assert.equal(typeOf(await port([group])), 'SecurityGroupNotFound');
});

test('address groups have each address once, and are kept while a rule names them', async () => {
  const make = (addresses: string[]) => ask('POST', '/address-groups', { address_group: { name: 'list', addresses } }, mallory);
  const { address_group: list } = (await make(['10.0.0.5/32', '10.1.2.3/16', '10.1.9.9/16', 'fd00::1/128'])).body;
  assert.deepEqual(list.addresses, ['10.0.0.5/32', '10.1.0.0/16', 'fd00::1/128']);
  assert.equal(list.tenant_id, list.project_id);
  for (const odd of [['nowhere'], ['10.0.0.5'], ['fd00::1'], ['10.0.0.5/32', '10.0.0.5/32']]) {
    assert.equal(typeOf(await make(odd)), 'HTTPBadRequest', odd.join());
  }
  const change = (action: string, addresses: string[]) =>
    ask('PUT', `/address-groups/${list.id}/${action}`, { addresses }, mallory);
  assert.equal(typeOf(await change('add_addresses', ['10.1.9.9/16'])), 'AddressesAlreadyExist');
  assert.equal(typeOf(await change('remove_addresses', ['10.2.0.0/16'])), 'AddressesNotFound');
  assert.deepEqual((await change('remove_addresses', ['10.1.0.0/16'])).body.address_group.addresses, [
    '10.0.0.5/32',
    'fd00::1/128',
  ]);
  assert.equal((await change('add_addresses', ['10.3.0.0/24'])).body.address_group.addresses.length, 3);
  const rule = { security_group_id: own['security-groups'], direction: 'ingress', remote_address_group_id: list.id };
  const made = await ask('POST', '/security-group-rules', { security_group_rule: rule }, mallory);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(typeOf(await ask('DELETE', `/address-groups/${list.id}`, undefined, mallory)), 'AddressGroupInUse');
  await ask('DELETE', `/security-group-rules/${made.body.security_group_rule.id}`, undefined, mallory);
  assert.equal((await ask('DELETE', `/address-groups/${list.id}`, undefined, mallory)).status, 204);
  const foreign = { security_group_rule: { ...rule, remote_address_group_id: others['address-groups'] } };
  assert.equal(typeOf(await ask('POST', '/security-group-rules', foreign, mallory)), 'AddressGroupNotFound');
});

test('a project has at most ten RBAC policies', async () => {
  const target = (index: number) => ({ target_tenant: index.toString(16).padStart(32, '0') });
  const statuses = [];
  for (let index = 0; index < 10; index++)
    statuses.push((await share('address_group', own['address-groups'], mallory, target(index))).status);
  assert.deepEqual(statuses, [...Array.from({ length: 9 }, () => 201), 409]);
});

test('a network that is external for one project stays so when it is changed', async () => {
  const network = others['networks'];
  const policy = await shared('network', network, victim, { action: 'access_as_external', target_tenant: others['projects'] });

  const renamed = await ask('PUT', `/networks/${network}`, { network: { name: 'outside' } }, victim);

  assert.deepEqual([renamed.status, renamed.body.network?.['router:external']], [200, true]);
  const policies = (await ask('GET', `/rbac-policies?object_id=${network}`)).body.rbac_policies;
  assert.deepEqual(
    policies.map(({ target_project }: { target_project: string }) => target_project),
    [others['projects']],
  );
  assert.equal((await ask('GET', `/networks/${network}`, undefined, mallory)).status, 404);
  const ended = await ask('PUT', `/networks/${network}`, { network: { 'router:external': false } });
  assert.equal(ended.body.network['router:external'], false);
  assert.equal((await ask('GET', `/rbac-policies/${policy}`, undefined, victim)).status, 404);
});
