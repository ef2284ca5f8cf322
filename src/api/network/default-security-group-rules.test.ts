/** Templates of the rules of new security groups (neutron/db/securitygroups_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}
type Rule = { id: string; direction: string; ethertype: string; protocol: string | null; remote_group_id: string | null };

const path = '/default-security-group-rules';
const create = (fields: object, headers = {}) =>
  ask(
    'POST',
    path,
    {
      default_security_group_rule: {
        direction: 'ingress',
        used_in_default_sg: false,
        used_in_non_default_sg: true,
        ...fields,
      },
    },
    headers,
  );
const templates = async (query = ''): Promise<Rule[]> => (await ask('GET', `${path}${query}`)).body.default_security_group_rules;
const remove = (id: string) => ask('DELETE', `${path}/${id}`);

async function rulesOfNewGroup(): Promise<Rule[]> {
  const { status, body } = await ask('POST', '/security-groups', { security_group: { name: 'new' } });
  assert.equal(status, 201, JSON.stringify(body));
  await ask('DELETE', `/security-groups/${body.security_group.id}`);
  return body.security_group.security_group_rules;
}

async function rulesOfNewProject(name: string): Promise<string[]> {
  const { body } = await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name } } });
  const { security_groups } = (await ask('GET', `/security-groups?project_id=${body.project.id}`)).body;
  const [{ id, security_group_rules }] = security_groups;
  return security_group_rules
    .map((rule: Rule) => `${rule.direction} ${rule.ethertype} ${rule.protocol} ${rule.remote_group_id === id}`)
    .sort();
}

const initial = [
  ...['egress IPv4 null false', 'egress IPv6 null false'],
  ...['ingress IPv4 null true', 'ingress IPv6 null true'],
];

test('the initial templates are those of Neutron', async () => {
  const rules = (await ask('GET', path)).body.default_security_group_rules;
  const facts = rules.map((rule: Record<string, unknown>) =>
    [
      rule['direction'],
      rule['ethertype'],
      rule['remote_group_id'],
      rule['used_in_default_sg'],
      rule['used_in_non_default_sg'],
    ].join(' '),
  );

  assert.deepEqual(facts.sort(), [
    'egress IPv4  true true',
    'egress IPv6  true true',
    'ingress IPv4 PARENT true false',
    'ingress IPv6 PARENT true false',
  ]);
  assert.deepEqual(Object.keys(rules[0]).sort(), [
    ...['description', 'direction', 'ethertype', 'id', 'port_range_max', 'port_range_min', 'protocol'],
    ...['remote_address_group_id', 'remote_group_id', 'remote_ip_prefix', 'used_in_default_sg', 'used_in_non_default_sg'],
  ]);
  assert.equal((await templates('?used_in_non_default_sg=true')).length, 2);
  assert.equal((await templates('?remote_group_id=PARENT&ethertype=IPv6&sort_key=direction')).length, 1);
});

test('new groups have the rules of the templates for them', async () => {
  const ssh = { protocol: 'tcp', port_range_min: '22', port_range_max: '22', remote_ip_prefix: '10.0.0.0/8' };
  const forOthers = await create({ ...ssh, description: 'from the office' });
  const forDefault = await create({ protocol: 'icmp', used_in_default_sg: 'True', used_in_non_default_sg: 'False' });
  assert.deepEqual([forOthers.status, forDefault.status], [201, 201]);
  const { id } = forOthers.body.default_security_group_rule;
  assert.equal((await ask('GET', `${path}/${id}`)).body.default_security_group_rule.description, 'from the office');

  const [rule] = (await rulesOfNewGroup()).filter(({ protocol }) => protocol === 'tcp');
  const { port_range_min, remote_ip_prefix, description } = rule as unknown as Record<string, unknown>;
  assert.deepEqual([port_range_min, remote_ip_prefix, description], [22, '10.0.0.0/8', '']);
  assert.deepEqual(await rulesOfNewProject('first'), [...initial, 'ingress IPv4 icmp false'].sort());

  for (const each of [forOthers, forDefault]) await remove(each.body.default_security_group_rule.id);
  assert.deepEqual(await rulesOfNewProject('second'), initial);
  assert.equal((await rulesOfNewGroup()).length, 2);
});

test('groups can be closed from the beginning', async () => {
  const [one, two] = await templates('?direction=egress');
  for (const each of [one, two]) assert.equal((await remove(each?.id ?? '')).status, 204);

  assert.deepEqual(await rulesOfNewGroup(), []);

  for (const ethertype of ['ipv4', 'IPv6'])
    assert.equal((await create({ direction: 'egress', ethertype, used_in_default_sg: true })).status, 201);
  assert.equal((await rulesOfNewGroup()).length, 2);
});

test('what a template names may be deleted: groups are made without its rule', async () => {
  const { body } = await ask('POST', '/security-groups', { security_group: { name: 'hosts' } });
  const remote_group_id = body.security_group.id;
  const { address_group } = (await ask('POST', '/address-groups', { address_group: { addresses: ['10.9.0.0/24'] } })).body;
  const made = [await create({ remote_group_id }), await create({ remote_address_group_id: address_group.id })];
  assert.equal((await rulesOfNewGroup()).length, 4);

  await ask('DELETE', `/security-groups/${remote_group_id}`);
  await ask('DELETE', `/address-groups/${address_group.id}`);

  assert.equal((await rulesOfNewGroup()).length, 2);
  for (const each of made) await remove(each.body.default_security_group_rule.id);
});

test('what no rule can be is refused', async () => {
  const absent = '00000000-0000-4000-8000-000000000000';
  for (const [fields, status, type] of [
    [{ remote_group_id: absent }, 404, 'SecurityGroupNotFound'],
    [{ remote_address_group_id: absent }, 404, 'AddressGroupNotFound'],
    [{ remote_group_id: 'PARENT', remote_ip_prefix: '10.0.0.0/8' }, 400, 'SecurityGroupMultipleRemoteEntites'],
    [{ protocol: 'tcp', port_range_min: 23, port_range_max: 22 }, 400, 'SecurityGroupInvalidPortRange'],
    [{ ethertype: 'IPv5' }, 400, 'SecurityGroupRuleInvalidEtherType'],
    [{ direction: 'egress' }, 409, 'DefaultSecurityGroupRuleExists'],
    [{ used_in_default_sg: undefined }, 400, 'HTTPBadRequest'],
    [{ used_in_default_sg: 'perhaps' }, 400, 'InvalidInput'],
  ] as const) {
    const reply = await create(fields);
    assert.deepEqual([reply.status, reply.type], [status, type], JSON.stringify([fields, reply.body]));
  }
  const gone = await ask('GET', `${path}/${absent}`);
  assert.deepEqual([gone.status, gone.type], [404, 'DefaultSecurityGroupRuleNotFound']);
});

test('equal templates are for different groups, and there are at most 100', async () => {
  const twice = { protocol: 'udp', port_range_min: 53, port_range_max: 53 };
  const made = [await create(twice), await create({ ...twice, used_in_default_sg: true, used_in_non_default_sg: false })];
  assert.deepEqual([made.map(({ status }) => status), (await create(twice)).status], [[201, 201], 409]);
  const several = Array.from({ length: 95 }, (_, index) => ({
    ...{ direction: 'ingress', protocol: 'tcp', port_range_min: index + 1, port_range_max: index + 1 },
    ...{ used_in_default_sg: false, used_in_non_default_sg: true },
  }));
  const over = await ask('POST', path, { default_security_group_rules: several });
  assert.deepEqual([over.status, over.type, (await templates()).length], [409, 'OverQuota', 6]);
  const all = await ask('POST', path, { default_security_group_rules: several.slice(1) });
  assert.deepEqual([all.status, (await templates()).length], [201, 100]);

  const group = await ask('POST', '/security-groups', { security_group: { name: 'many' } });
  assert.deepEqual([group.status, group.type], [409, 'OverQuota']);
});

test('members see the templates, and administrators change them', async () => {
  const [first] = await templates();
  assert.equal((await ask('GET', `${path}/${first?.id}`, undefined, member)).status, 200);
  assert.equal((await create({}, member)).status, 403);
  assert.equal((await ask('DELETE', `${path}/${first?.id}`, undefined, member)).status, 403);
});
