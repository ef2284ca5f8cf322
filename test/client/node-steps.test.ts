/**
 * Referee test: the unmodified `openstack` client with steps of cleaning and deployments. What came after its release
 * (`service`, `unhold`, runbooks) is asked by the SDK beside it.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runWithSdk } from './a-copied-client.ts';
import { openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const hold = { interface: 'deploy', step: 'hold' };
const clearLog = { interface: 'management', step: 'clear_log' };
const bios = { settings: [{ name: 'BootRetryCount', value: 7 }] };
const cleanSteps = [hold, { interface: 'power', step: 'power_on' }];
const deploySteps = [{ interface: 'bios', step: 'apply_configuration', args: bios, priority: 150 }];

const ingot = aSharedIngot(async (directory) => {
  await writeFile(join(directory, 'image'), Buffer.alloc(1024 ** 2));
  await writeFile(join(directory, 'clean.json'), JSON.stringify(cleanSteps));
  await writeFile(join(directory, 'deploy.json'), JSON.stringify(deploySteps));
});

/** Sends the requests one after the other. A text is a state to wait for. @returns the node in each of these states */
async function ask(node: string, requests: readonly (string | object)[]): Promise<Row[]> {
  const program = `
import time
path, seen = '/nodes/${node}', []
for asked in json.loads(${JSON.stringify(JSON.stringify(requests))}):
    if isinstance(asked, str):
        end = time.monotonic() + 60
        while (shown := cloud.baremetal.get(path, microversion='1.92').json())['provision_state'] != asked:
            assert time.monotonic() < end, shown
        seen.append(shown)
        continue
    if 'steps' in asked:
        reply = cloud.baremetal.post('/runbooks', json=asked, microversion='1.92')
    else:
        reply = cloud.baremetal.put(path + '/states/provision', json=asked, microversion='1.92')
    assert reply.ok, reply.text
print(json.dumps(seen))`;
  return (await runWithSdk(ingot.env, program)) as Row[];
}

test('a cleaning is held, continued, aborted, and done by a runbook', { skip }, async () => {
  await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name held',
    'baremetal node manage held --wait 60',
    'baremetal node add trait held CUSTOM_LOG',
    `baremetal node clean --clean-steps ${join(ingot.directory, 'clean.json')} held`,
  ]);
  const again = { target: 'clean', clean_steps: cleanSteps };
  const [, cleaned] = await ask('held', ['clean hold', { target: 'unhold' }, 'manageable', again, 'clean hold']);
  assert.deepEqual([cleaned?.['power_state'], cleaned?.['last_error']], ['power on', null]);

  await openstackSession(ingot.env, ['baremetal node abort held']);
  const runbook = {
    name: 'CUSTOM_LOG',
    steps: [
      { ...clearLog, order: 1 },
      { ...hold, order: 2 },
    ],
  };
  const [aborted, , , done] = await ask('held', [
    'clean failed',
    ...[{ target: 'manage' }, 'manageable', runbook, { target: 'clean', runbook: 'CUSTOM_LOG' }],
    ...['clean hold', { target: 'unhold' }, 'manageable'],
  ]);
  assert.match(String(aborted?.['last_error']), /^By request, the clean operation was aborted .* "deploy.hold"$/);
  assert.equal(done?.['last_error'], null);
});

test('an instance is deployed with steps of the request, and its machine serviced', { skip }, async () => {
  const file = ['--disk-format', 'raw', '--container-format', 'bare', '--file', join(ingot.directory, 'image')];
  const image: Row = await openstackJson(ingot.env, ['image', 'create', ...file, 'img']);
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name stepped',
    'baremetal node manage stepped --wait 60',
    'baremetal node provide stepped --wait 60',
    `baremetal node set --instance-info image_source=${String(image['id'])} stepped`,
    `baremetal node deploy --deploy-steps ${join(ingot.directory, 'deploy.json')} --wait 120 stepped`,
    'baremetal node bios setting show stepped BootRetryCount -f json',
  ]);
  const [setting] = replies as Row[];
  assert.equal(String(setting?.['value']), '7', output);

  const firmware = { settings: [{ component: 'bmc', url: 'http://files.example/bmc-3.2.1.bin' }] };
  const service_steps = [clearLog, { interface: 'firmware', step: 'update', args: firmware }, hold];
  const held = [{ target: 'service', service_steps: [hold, { interface: 'power', step: 'power_off' }] }, 'service hold'];
  // The held operation is replaced by one that is held at its end: it must not be mistaken for the former.
  const requests = [...held, { target: 'service', service_steps: service_steps.slice(0, 2) }, 'active'];
  const serviced = (await ask('stepped', requests)).at(-1);
  const { power_state, last_error, maintenance } = serviced as Row;
  assert.deepEqual([power_state, last_error, maintenance], ['power on', null, false]);
});

test('a step is executed on the child nodes of a node, with its power', { skip }, async () => {
  await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name mainboard',
    'baremetal node manage mainboard --wait 60',
  ]);
  const program = `
parent = cloud.baremetal.get('/nodes/mainboard', microversion='1.92').json()
part = {'driver': 'fake-hardware', 'name': 'dpu', 'parent_node': parent['uuid']}
made = cloud.baremetal.post('/nodes', json=part, microversion='1.92')
assert made.ok, made.text
print(json.dumps(made.json()))`;
  await runWithSdk(ingot.env, program);

  const step = { interface: 'power', step: 'power_on' };
  const clean_steps = [step, { ...step, execute_on_child_nodes: true }];
  const [cleaned] = await ask('mainboard', [{ target: 'clean', clean_steps }, 'manageable']);
  const dpu: Row = await openstackJson(ingot.env, ['baremetal', 'node', 'show', 'dpu']);

  assert.deepEqual([cleaned?.['last_error'], cleaned?.['power_state']], [null, 'power on']);
  assert.deepEqual([dpu['power_state'], dpu['provision_state']], ['power on', 'enroll']);
});
