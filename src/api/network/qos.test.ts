/** QoS policies and their rules (neutron/services/qos/qos_plugin.py, neutron/objects/qos). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}
const theirs = `/qos/policies/${others['policies']}`;
const project_id = own['projects'];

async function makePolicy(fields: object = {}) {
  const { status, body } = await ask('POST', '/qos/policies', { policy: { name: 'gold', project_id, ...fields } });
  assert.equal(status, 201, JSON.stringify(body));
  return body.policy;
}

test('a policy shows its rules, and each change of one is another revision', async () => {
  const { id, revision_number, rules, shared, is_default } = await makePolicy({ description: 'fast' });
  assert.deepEqual([rules, shared, is_default], [[], false, false]);
  const path = `/qos/policies/${id}/bandwidth_limit_rules`;
  const { body } = await ask('POST', path, { bandwidth_limit_rule: { max_kbps: '1500', max_burst_kbps: 1100 } });
  const rule = body.bandwidth_limit_rule;
  assert.deepEqual(rule, { id: rule.id, max_kbps: 1500, max_burst_kbps: 1100, direction: 'egress' });
  const changed = await ask('PUT', `${path}/${rule.id}`, { bandwidth_limit_rule: { direction: 'ingress' } });
  assert.deepEqual(changed.body.bandwidth_limit_rule, { ...rule, direction: 'ingress' });
  const marked = await ask('POST', `/qos/policies/${id}/dscp_marking_rules`, { dscp_marking_rule: { dscp_mark: 26 } });
  const mark = marked.body.dscp_marking_rule;
  assert.deepEqual(mark, { id: mark.id, dscp_mark: 26 });
  const shown = (await ask('GET', `/qos/policies/${id}`, undefined, member)).body.policy;
  assert.deepEqual(shown.rules, [
    { ...rule, direction: 'ingress', qos_policy_id: id, type: 'bandwidth_limit' },
    { ...mark, qos_policy_id: id, type: 'dscp_marking' },
  ]);
  assert.equal(shown.revision_number, revision_number + 3);
  assert.equal((await ask('GET', `${path}?max_kbps=1500`, undefined, member)).body.bandwidth_limit_rules.length, 1);
  assert.equal((await ask('GET', `${path}?max_kbps=1`, undefined, member)).body.bandwidth_limit_rules.length, 0);
  const alias = `/qos/alias_bandwidth_limit_rules/${rule.id}`;
  const byAlias = await ask('PUT', alias, { alias_bandwidth_limit_rule: { max_kbps: 2000 } });
  assert.equal(byAlias.body.alias_bandwidth_limit_rule.max_kbps, 2000);
  assert.equal((await ask('GET', `/qos/alias_dscp_marking_rules/${rule.id}`)).type, 'QosRuleNotFound');
  assert.equal((await ask('DELETE', alias)).status, 204);
  assert.equal((await ask('GET', `${path}/${rule.id}`)).type, 'QosRuleNotFound');
  assert.equal((await ask('DELETE', `/qos/policies/${id}`)).status, 204);
  assert.equal(await fixture.store.qos_rules.count({ qos_policy_id: id }), 0);
});

test('a policy has one rule of each type and direction, and none that contradict each other', async () => {
  const { id } = await makePolicy();
  const add = async (type: string, fields: object) => {
    const { status, type: exception } = await ask('POST', `/qos/policies/${id}/${type}_rules`, { [`${type}_rule`]: fields });
    return exception ?? status;
  };
  assert.equal(await add('bandwidth_limit', { max_kbps: 1000 }), 201);
  assert.equal(await add('bandwidth_limit', { max_kbps: 2000 }), 'QoSRulesConflict');
  assert.equal(await add('bandwidth_limit', { max_kbps: 2000, direction: 'ingress' }), 201);
  assert.equal(await add('minimum_bandwidth', { min_kbps: 1500 }), 'QoSRuleParameterConflict');
  assert.equal(await add('minimum_bandwidth', { min_kbps: 1500, direction: 'ingress' }), 201);
  assert.equal(await add('minimum_packet_rate', { min_kpps: 10, direction: 'any' }), 201);
  assert.equal(await add('minimum_packet_rate', { min_kpps: 10 }), 'QoSRuleParameterConflict');
  assert.equal(await add('packet_rate_limit', { max_kpps: 10 }), 201);
  assert.equal(await add('dscp_marking', { dscp_mark: 8 }), 201);
  assert.equal(await add('dscp_marking', { dscp_mark: 10 }), 'QoSRulesConflict');
  for (const [type, fields] of [
    ['dscp_marking', { dscp_mark: 9 }],
    ['bandwidth_limit', {}],
    ['bandwidth_limit', { max_kbps: -1 }],
    ['bandwidth_limit', { max_kbps: 1, direction: 'any' }],
  ] as const)
    assert.equal((await ask('POST', `/qos/policies/${id}/${type}_rules`, { [`${type}_rule`]: fields })).status, 400);
});

test('networks, ports and floating IPs have policies, which stay while they do', async () => {
  const [one, two] = [await makePolicy(), await makePolicy()];
  const network = (await ask('POST', '/networks', { network: { qos_policy_id: one.id } }, member)).body.network;
  assert.equal(network.qos_policy_id, one.id);
  const { port } = (await ask('POST', '/ports', { port: { network_id: network.id, qos_policy_id: two.id } }, member)).body;
  assert.deepEqual([port.qos_policy_id, port.qos_network_policy_id], [two.id, one.id]);
  const floating = `/floatingips/${own['floatingips']}`;
  const bound = await ask('PUT', floating, { floatingip: { qos_policy_id: two.id } }, member);
  assert.deepEqual([bound.body.floatingip.qos_policy_id, bound.body.floatingip.qos_network_policy_id], [two.id, null]);

  for (const [policy, type] of [
    [one.id, 'network'],
    [two.id, 'port'],
  ]) {
    const refused = await ask('DELETE', `/qos/policies/${policy}`);
    assert.deepEqual([refused.status, refused.type], [409, 'QosPolicyInUse']);
    assert.match(JSON.stringify(refused.body), new RegExp(`used by ${type}`));
  }
  const none = { qos_policy_id: null };
  assert.equal((await ask('PUT', `/ports/${port.id}`, { port: none }, member)).body.port.qos_policy_id, null);
  assert.match(JSON.stringify((await ask('DELETE', `/qos/policies/${two.id}`)).body), /used by fip/);
  await ask('PUT', floating, { floatingip: none }, member);
  await ask('PUT', `/networks/${network.id}`, { network: none }, member);
  for (const { id } of [one, two]) assert.equal((await ask('DELETE', `/qos/policies/${id}`)).status, 204);
});

test('a new network has the default policy of its project', async () => {
  const { id } = await makePolicy({ is_default: true });
  const second = await ask('POST', '/qos/policies', { policy: { project_id, is_default: true } });
  assert.deepEqual([second.status, second.type], [409, 'QoSPolicyDefaultAlreadyExists']);
  const network = (await ask('POST', '/networks', { network: {} }, member)).body.network;
  assert.equal(network.qos_policy_id, id);
  await ask('DELETE', `/networks/${network.id}`);
  assert.equal((await ask('PUT', `/qos/policies/${id}`, { policy: { is_default: false } })).body.policy.is_default, false);
  assert.equal((await ask('POST', '/networks', { network: {} }, member)).body.network.qos_policy_id, null);
});

test('members use policies that managers make', async () => {
  const { id } = await makePolicy();
  assert.equal((await ask('POST', '/qos/policies', { policy: { name: 'mine' } }, member)).status, 403);
  assert.equal((await ask('PUT', `/qos/policies/${id}`, { policy: { name: 'mine' } }, member)).status, 403);
  assert.equal((await ask('GET', '/qos/rule-types', undefined, member)).body.rule_types.length, 5);
  assert.equal((await ask('GET', '/qos/rule-types/dscp_marking', undefined, member)).status, 403);
  assert.deepEqual((await ask('GET', '/qos/rule-types/dscp_marking')).body, { rule_type: { type: 'dscp_marking', drivers: [] } });
  assert.equal((await ask('GET', '/qos/rule-types/none')).status, 404);
});

test('a policy of another project exists for those that it is shared with', async () => {
  const unseen = await ask('GET', theirs, undefined, member);
  assert.deepEqual([unseen.status, unseen.type], [404, 'QosPolicyNotFound']);
  const use = { network: { qos_policy_id: others['policies'] } };
  const denied = await ask('POST', '/networks', use, member);
  assert.deepEqual([denied.status, denied.type], [404, 'QosPolicyNotFound']);

  assert.equal((await ask('PUT', theirs, { policy: { shared: true } })).body.policy.shared, true);
  assert.equal((await ask('GET', theirs, undefined, member)).body.policy.shared, true);
  const { network } = (await ask('POST', '/networks', use, member)).body;
  const refused = await ask('PUT', theirs, { policy: { shared: false } });
  assert.deepEqual([refused.status, refused.type], [409, 'RbacPolicyInUse']);
  await ask('DELETE', `/networks/${network.id}`, undefined, member);
  assert.equal((await ask('PUT', theirs, { policy: { shared: false } })).body.policy.shared, false);

  const forced = (await ask('POST', '/networks', { network: { ...use.network, project_id } })).body.network;
  const removed = await ask('PUT', `/networks/${forced.id}`, { network: { qos_policy_id: null } }, member);
  assert.deepEqual([removed.status, removed.type], [403, 'PolicyRemoveAuthorizationError']);
  const kept = await ask('PUT', `/networks/${forced.id}`, { network: { name: 'n', qos_policy_id: others['policies'] } }, member);
  assert.equal(kept.status, 200);
});

test('a project has at most fifty policies', async () => {
  const policies = Array.from({ length: 51 }, (_, index) => ({ name: `${index}`, project_id }));
  const over = await ask('POST', '/qos/policies', { policies });
  assert.deepEqual([over.status, over.type], [409, 'OverQuota']);
});
