import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentKind, NodeFacts } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aNode } from '#test/a-task.ts';
import type { RunningOperation } from './base-context.ts';
import { agentKindOf, agentParameters, deployRamdisk } from './node-agent.ts';

const flags = { 'deploy.kernel': '/k', 'deploy.ramdisk': '/r', 'deploy.ipa_kernel': '/ipa/k', 'deploy.ipa_ramdisk': '/ipa/r' };
const settings = readSettings({ flags });
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

const ids = { kernel: '11111111-1111-4111-8111-111111111111', ramdisk: '22222222-2222-4222-8222-222222222222' };
const ramdisk = (of: AgentKind, driver_info: NodeFacts['driver_info'] = {}) => {
  const owner = { id: ids.kernel, owner: null, visibility: 'public', status: 'active', properties: {} };
  const store = { images: { find: async () => owner }, projects: { find: async () => undefined } } as never;
  const images = { file: async (id: string) => `/images/${id}` };
  return deployRamdisk({ store, images, settings }, { instance: undefined, node: node(driver_info), kind: of });
};

test('each agent has its own kernel and ramdisk; those of a node are for IPA, and images', async () => {
  assert.deepEqual(await ramdisk('ingot'), { kernel: '/k', ramdisk: '/r' });
  assert.deepEqual(await ramdisk('ipa'), { kernel: '/ipa/k', ramdisk: '/ipa/r' });
  const foreign = { deploy_kernel: 'http://192.0.2.1/k', deploy_ramdisk: 'file:///etc/shadow' };
  assert.deepEqual(await ramdisk('ingot', foreign), { kernel: '/k', ramdisk: '/r' });
  for (const deploy_kernel of ['http://192.0.2.1/k', 'file:///etc/shadow', '/etc/shadow'])
    await assert.rejects(ramdisk('ipa', { deploy_kernel }), { code: 'imageUnusable', message: /is no image id/ });
});
