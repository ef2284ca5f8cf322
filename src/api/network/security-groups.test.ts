/** Security groups as in Neutron (neutron/db/securitygroups_db.py): the default group, rules, ports, owners. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture, type RackFixture } from '#test/rack-fixture.ts';
import { aFreeNode } from '#test/two-projects.ts';

let fixture: RackFixture;
const tokens = new Map<string, string>();
const base = '/network/v2.0';

before(async () => {
  fixture = await openRackFixture();
  for (const name of ['carol', 'dave']) {
    const url = '/identity/v3';
    const make = async (noun: string, fields: object) =>
      (await fixture.ask({ method: 'POST', url: `${url}/${noun}s`, payload: { [noun]: fields } })).body[noun];
    const project = await make('project', { name });
    const user = await make('user', { name, password: 'a long password' });
    await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/member` });
    tokens.set(name, await fixture.logIn(name, 'a long password', name));
  }
});
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** @param as default: an administrator */
function ask(method: Method, path: string, payload?: object, as?: string) {
  const headers = as === undefined ? {} : { 'x-auth-token': tokens.get(as) ?? '' };
  return fixture.ask({ method, url: `${base}${path}`, headers, ...(payload && { payload }) });
}

async function make(path: string, noun: string, fields: object, as?: string) {
  const reply = await ask('POST', `/${path}`, { [noun]: fields }, as);
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

const group = (fields: object, as?: string) => make('security-groups', 'security_group', fields, as);
const typeOf = ({ body }: { body: { NeutronError?: { type: string } } }) => body.NeutronError?.type;
const groupsOf = async (as: string) => (await ask('GET', '/security-groups', undefined, as)).body.security_groups;

test('a project has its default group from the first look, with rules of its own members', async () => {
  const [first, ...others] = await groupsOf('carol');
  assert.deepEqual([first.name, others, first.description], ['default', [], 'Default security group']);
  const rules = first.security_group_rules.map(
    (rule: { direction: string; ethertype: string; remote_group_id: string | null; belongs_to_default_sg: boolean }) =>
      `${rule.direction} ${rule.ethertype} ${rule.remote_group_id === first.id} ${rule.belongs_to_default_sg}`,
  );
  assert.deepEqual(rules.sort(), [
    'egress IPv4 false true',
    'egress IPv6 false true',
    'ingress IPv4 true true',
    'ingress IPv6 true true',
  ]);
  assert.deepEqual(
    (await groupsOf('carol')).map(({ id }: { id: string }) => id),
    [first.id],
  );

  const change = (name: string) => ask('PUT', `/security-groups/${first.id}`, { security_group: { name } }, 'carol');
  assert.equal(typeOf(await change('web')), 'SecurityGroupCannotUpdateDefault');
  assert.equal(
    typeOf(await ask('DELETE', `/security-groups/${first.id}`, undefined, 'carol')),
    'SecurityGroupCannotRemoveDefault',
  );
  assert.equal(
    typeOf(await ask('POST', '/security-groups', { security_group: { name: 'Default' } }, 'carol')),
    'SecurityGroupDefaultAlreadyExists',
  );
  assert.equal((await ask('DELETE', `/security-groups/${first.id}`)).status, 204);
  assert.notEqual((await groupsOf('carol'))[0].id, first.id);
});

test('simultaneous first looks make one default group', async () => {
  const lists = await Promise.all(Array.from({ length: 5 }, () => groupsOf('dave')));
  assert.equal(new Set(lists.flat().map(({ id }) => id)).size, 1);
});

test('rules are checked and told apart as in Neutron', async () => {
  const { id } = await group({ name: 'rules' });
  const add = (fields: object) =>
    ask('POST', '/security-group-rules', { security_group_rule: { security_group_id: id, direction: 'ingress', ...fields } });
  const accepted: [fields: object, seen: object][] = [
    [
      { protocol: 'TCP', port_range_min: '22', port_range_max: 22 },
      { protocol: 'tcp', port_range_min: 22, ethertype: 'IPv4' },
    ],
    [
      { protocol: 'udp', port_range_min: 1, port_range_max: 65535 },
      { port_range_min: null, port_range_max: null },
    ],
    [
      { protocol: 'icmp', port_range_min: 0, port_range_max: 255 },
      { port_range_min: 0, port_range_max: 255 },
    ],
    [
      { protocol: 'icmp', ethertype: 'ipv6' },
      { protocol: 'ipv6-icmp', ethertype: 'IPv6' },
    ],
    [{ remote_ip_prefix: '10.0.0.5' }, { remote_ip_prefix: '10.0.0.5/32' }],
    [{ remote_ip_prefix: '10.0.0.5/24' }, { remote_ip_prefix: '10.0.0.5/24', normalized_cidr: '10.0.0.0/24' }],
    [{ protocol: 112 }, { protocol: '112' }],
    [{ remote_group_id: id }, { remote_group_id: id, protocol: null }],
  ];
  for (const [fields, seen] of accepted) {
    const { status, body } = await add(fields);
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual({ ...body.security_group_rule, ...seen }, body.security_group_rule, JSON.stringify(fields));
  }
  const refused: [fields: object, type: string][] = [
    [{ protocol: '6', port_range_min: 22, port_range_max: 22 }, 'SecurityGroupRuleExists'],
    [{ protocol: 'icmpv6', ethertype: 'IPv6' }, 'SecurityGroupRuleExists'],
    [{ protocol: 'tcp', port_range_min: 23, port_range_max: 22 }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', port_range_min: 0, port_range_max: 22 }, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'tcp', port_range_min: 1, port_range_max: 70000 }, 'SecurityGroupInvalidPortValue'],
    [{ port_range_min: 1, port_range_max: 2 }, 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'gre', port_range_min: 1, port_range_max: 2 }, 'SecurityGroupInvalidProtocolForPort'],
    [{ protocol: 'icmp', port_range_min: 256 }, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'icmp', port_range_max: 1 }, 'SecurityGroupMissingIcmpType'],
    [{ protocol: 'quic' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: '256' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: 'constructor' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ ethertype: 'ARP' }, 'SecurityGroupRuleInvalidEtherType'],
    [{ protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ remote_ip_prefix: 'fd00::/64' }, 'SecurityGroupRuleParameterConflict'],
    [{ remote_ip_prefix: '10.0.0.0/33' }, 'InvalidCIDR'],
    [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: id }, 'SecurityGroupMultipleRemoteEntites'],
    [{ remote_group_id: '11111111-1111-4111-8111-111111111111' }, 'SecurityGroupNotFound'],
  ];
  for (const [fields, type] of refused) assert.equal(typeOf(await add(fields)), type, JSON.stringify(fields));
});

test('several rules are made together, or none', async () => {
  const { id } = await group({ name: 'bulk' });
  const rule = (port: number, security_group_id = id) => ({
    ...{ security_group_id, direction: 'ingress', protocol: 'tcp', port_range_min: port, port_range_max: port },
  });
  const add = (...rules: object[]) => ask('POST', '/security-group-rules', { security_group_rules: rules });
  const count = async () => (await ask('GET', `/security-group-rules?security_group_id=${id}`)).body.security_group_rules.length;
  const other = await group({ name: 'other' });

  assert.equal((await add(rule(1), rule(2))).body.security_group_rules.length, 2);
  assert.equal(typeOf(await add(rule(3), rule(1))), 'SecurityGroupRuleExists');
  assert.equal(typeOf(await add(rule(3), rule(3))), 'DuplicateSecurityGroupRuleInPost');
  assert.equal(typeOf(await add(rule(3), rule(3, other.id))), 'SecurityGroupNotSingleGroupRules');
  assert.equal(await count(), 4, 'with the two for what goes out');
});

test('a change of what another has changed meanwhile is refused', async () => {
  const made = await group({ name: 'revised' });
  const url = `${base}/security-groups/${made.id}`;
  const change = (revision: string, name: string) =>
    fixture.ask({ method: 'PUT', url, headers: { 'if-match': revision }, payload: { security_group: { name } } });

  const first = await change(`revision_number=${made.revision_number}`, 'one');
  const second = await change(`revision_number=${made.revision_number}`, 'two');

  assert.deepEqual([first.status, second.status, typeOf(second)], [200, 412, 'RevisionNumberConstraintFailed']);
  assert.equal(first.body.security_group.revision_number, made.revision_number + 1);
  assert.equal((await change('revision_number=many', 'three')).status, 400);
  assert.equal((await change('"another tag"', 'four')).status, 200);
  const removal = await fixture.ask({ method: 'DELETE', url, headers: { 'if-match': 'revision_number=1' } });
  assert.equal(removal.status, 412);
});

test('ports are in the default group or in others of their project, which are then in use', async () => {
  const network = await make('networks', 'network', { name: 'members' }, 'carol');
  await make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.60.0.0/24' }, 'carol');
  const port = await make('ports', 'port', { network_id: network.id }, 'carol');
  const [byDefault] = await groupsOf('carol');
  const web = await group({ name: 'web' }, 'carol');
  const theirs = await group({ name: 'theirs' }, 'dave');
  const set = (fields: object) => ask('PUT', `/ports/${port.id}`, { port: fields }, 'carol');

  assert.deepEqual([port.security_groups, port.port_security_enabled], [[byDefault.id], true]);
  assert.equal(typeOf(await set({ security_groups: [theirs.id] })), 'SecurityGroupNotFound');
  assert.equal(typeOf(await set({ port_security_enabled: false })), 'PortSecurityPortHasSecurityGroup');
  assert.deepEqual((await set({ security_groups: [web.id] })).body.port.security_groups, [web.id]);
  assert.equal(typeOf(await ask('DELETE', `/security-groups/${web.id}`, undefined, 'carol')), 'SecurityGroupInUse');
  const listed = await ask('GET', `/ports?security_groups=${web.id}`, undefined, 'carol');
  assert.deepEqual(
    listed.body.ports.map(({ id }: { id: string }) => id),
    [port.id],
  );
  const free = await set({ security_groups: [], port_security_enabled: false });
  assert.deepEqual([free.body.port.security_groups, free.body.port.port_security_enabled], [[], false]);
  assert.equal(typeOf(await set({ security_groups: [web.id] })), 'PortSecurityAndIPRequiredForSecurityGroups');
  assert.equal((await ask('DELETE', `/security-groups/${web.id}`, undefined, 'carol')).status, 204);
  const stateless = await group({ name: 'stateless', stateful: 'false' }, 'carol');
  await set({ port_security_enabled: true });
  assert.equal(typeOf(await set({ security_groups: [stateless.id, byDefault.id] })), 'SecurityGroupConflict');
});

test('a port without addresses has its groups, and one of a network has none', async () => {
  const network = await make('networks', 'network', {}, 'carol');
  const [byDefault] = await groupsOf('carol');
  const free = await make('ports', 'port', { network_id: network.id, fixed_ips: [] }, 'carol');
  const wanted = { network_id: network.id, device_owner: 'network:dhcp', security_groups: [byDefault.id] };

  assert.deepEqual([free.fixed_ips, free.security_groups], [[], [byDefault.id]]);
  const trusted = await ask('POST', '/ports', { port: wanted });
  assert.deepEqual([trusted.status, typeOf(trusted)], [400, 'PortSecurityAndIPRequiredForSecurityGroups']);
});

test("a project's groups and rules are limited", async () => {
  const made: string[] = [];
  for (;;) {
    const reply = await ask('POST', '/security-groups', { security_group: { name: 'more' } }, 'dave');
    if (reply.status !== 201) {
      assert.deepEqual([reply.status, typeOf(reply)], [409, 'OverQuota']);
      break;
    }
    made.push(reply.body.security_group.id);
  }
  assert.equal((await groupsOf('dave')).length, 10);
  const rules = Array.from({ length: 90 }, (_, index) => ({
    ...{
      security_group_id: made[0],
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: index + 1,
      port_range_max: index + 1,
    },
  }));
  assert.equal(typeOf(await ask('POST', '/security-group-rules', { security_group_rules: rules }, 'dave')), 'OverQuota');
  for (const id of made) assert.equal((await ask('DELETE', `/security-groups/${id}`, undefined, 'dave')).status, 204);
});

test('a server is in the groups of its request, and others are added and removed', async () => {
  await fixture.store.flavors.insert(aFlavor());
  const image = await fixture.store.images.insert(anImage());
  await aFreeNode(fixture);
  const network = await make('networks', 'network', { name: 'servers' });
  await make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.61.0.0/24' });
  const [app, db] = [await group({ name: 'app' }), await group({ name: 'db' })];
  const compute = (method: Method, path: string, payload?: object) =>
    fixture.ask({ method, url: `/compute/v2.1/servers${path}`, ...(payload && { payload }) });
  const server = { name: 's', imageRef: image.id, flavorRef: 'f1', networks: [{ uuid: network.id }] };

  const absent = await compute('POST', '', { server: { ...server, security_groups: [{ name: 'none' }] } });
  const made = await compute('POST', '', { server: { ...server, security_groups: [{ name: 'app' }] } });
  const { id } = made.body.server;
  await fixture.quiet();
  const act = (body: object) => compute('POST', `/${id}/action`, body);
  const names = async () =>
    (await compute('GET', `/${id}`)).body.server.security_groups.map(({ name }: { name: string }) => name);

  assert.equal(absent.status, 400);
  assert.deepEqual(await names(), ['app']);
  assert.equal((await act({ addSecurityGroup: { name: db.id } })).status, 202);
  assert.deepEqual(await names(), ['app', 'db']);
  assert.equal((await act({ removeSecurityGroup: { name: 'app' } })).status, 202);
  assert.equal((await act({ removeSecurityGroup: { name: 'app' } })).status, 404);
  const shown = await compute('GET', `/${id}/os-security-groups`);
  assert.deepEqual(
    shown.body.security_groups.map((each: { id: string; rules: [] }) => [each.id, each.rules]),
    [[db.id, []]],
  );
  assert.equal(typeOf(await ask('DELETE', `/security-groups/${db.id}`)), 'SecurityGroupInUse');
  assert.equal((await ask('DELETE', `/security-groups/${app.id}`)).status, 204);
});
