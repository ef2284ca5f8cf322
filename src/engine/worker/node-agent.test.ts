import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aNode } from '#test/a-task.ts';
import type { RunningOperation } from './base-context.ts';
import { agentKindOf, agentParameters } from './node-agent.ts';

const node = (driver_info: NodeFacts['driver_info'] = {}): NodeFacts => ({ ...aNode({ driver_info }), ports: [] });
const operation = (context: object) => ({ id: 'o', context }) as RunningOperation;
const kind = (context: object, driver_info = {}, agent = 'ingot') =>
  agentKindOf(
    { settings: readSettings({ flags: { 'deploy.agent': agent } }) },
    { operation: operation(context) },
    node(driver_info),
  );

test('the node says which agent it has, else the setting; an operation keeps what it has begun with', () => {
  assert.deepEqual(
    [kind({}), kind({}, {}, 'ipa'), kind({}, { agent: 'ipa' }), kind({}, { agent: 'ingot' }, 'ipa')],
    ['ingot', 'ipa', 'ipa', 'ingot'],
  );
  assert.equal(kind({ agent_secret: 's' }, { agent: 'ipa' }), 'ingot');
  assert.equal(kind({ agent_secret: 's', ipa: {} }, { agent: 'ingot' }), 'ipa');
  assert.throws(() => kind({}, { agent: 'x' }), { code: 'driverInfo' });
});

test('tells IPA where its API is, with the bootstrap token and no other parameter', () => {
  const addresses = { http_url: 'http://172.30.0.1:8088', tftp_address: '172.30.0.1' };
  const context = { agent_secret: 's', ipa: {} };
  assert.deepEqual(agentParameters(addresses, operation(context)), {
    'ipa-api-url': 'http://172.30.0.1:8088/ipa/o.s',
    'ipa-global-request-id': 'req-o',
  });
  const secure = { ...addresses, agent: { url: 'https://172.30.0.1:8089', certificate: 'c' } };
  assert.deepEqual(agentParameters(secure, operation(context)), {
    'ipa-api-url': 'https://172.30.0.1:8089/ipa/o.s',
    'ipa-insecure': '1',
    'ipa-global-request-id': 'req-o',
  });
  assert.ok(!('ipa-api-url' in agentParameters(secure, operation({ agent_secret: 's' }))));
});
