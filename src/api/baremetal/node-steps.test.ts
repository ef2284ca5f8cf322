/** Steps of nodes by Ironic's API: `clean`, `service`, `unhold`, `abort`, runbooks, deploy steps, and who may name a step. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ProvisionState } from '#domain/provision-states.ts';
import { untilState } from '#test/a-cloud.ts';
import { anImage } from '#test/a-task.ts';
import { createPersonas, type PersonaName } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import { baremetalVersions } from './versions.ts';

const folder = await mkdtemp(join(tmpdir(), 'ingot-steps-'));
const policy = join(folder, 'policy.yaml');
await writeFile(policy, '"baremetal:step:execute:power.reboot": "role:admin"\n');
const fixture = await openRackFixture({ settings: { 'policy.file': policy } });
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});
const { store } = fixture;
await store.images.insert(anImage());
const personas = new Map((await createPersonas(fixture)).map((persona) => [persona.name, persona]));

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH';
type Options = { version?: number; as?: PersonaName };

async function ask(method: Method, path: string, payload?: object, { version = baremetalVersions.max.minor, as }: Options = {}) {
  const headers = { ...(as && personas.get(as)?.headers), 'x-openstack-ironic-api-version': `1.${version}` };
  const { status, body } = await fixture.ask({ method, url: `/baremetal/v1/${path}`, headers, ...(payload && { payload }) });
  const text: string = body?.error_message ? JSON.parse(body.error_message).faultstring : '';
  return { status, body, text };
}

async function aNode(provision_state: ProvisionState, traits: string[] = []): Promise<string> {
  const { uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', provision_state, traits });
  return uuid;
}

const provision = (uuid: string, target: string, more: object = {}, options: Options = {}) =>
  ask('PUT', `nodes/${uuid}/states/provision`, { target, ...more }, options);
const untilNode = (uuid: string, state: ProvisionState) => untilState(fixture, uuid, state);

const hold = { interface: 'deploy', step: 'hold' };
const powerOn = { interface: 'power', step: 'power_on' };
const reboot = { interface: 'power', step: 'reboot' };

test('a node shows the step that holds its cleaning, and goes on when it is told to', async () => {
  const uuid = await aNode('manageable');
  assert.equal((await provision(uuid, 'clean', { clean_steps: [hold, powerOn] })).status, 202);
  await untilNode(uuid, 'clean hold');

  const { body } = await ask('GET', `nodes/${uuid}`);
  assert.deepEqual(body.clean_step, { interface: 'deploy', step: 'hold', priority: 0, abortable: true, args: {} });
  assert.deepEqual([body.deploy_step, body.service_step, body.target_provision_state], [{}, {}, 'manageable']);
  assert.match(body.driver_internal_info.operation.waiting_for, /an operator to end the hold/);
  assert.equal((await provision(uuid, 'unhold', {}, { version: 84 })).status, 406);
  assert.equal((await provision(uuid, 'unhold', {}, { version: 85 })).status, 202);
  assert.equal((await untilNode(uuid, 'manageable')).power_state, 'power on');
  const again = await provision(uuid, 'unhold');
  assert.equal(again.status, 400);
  assert.match(again.text, /while it is in state 'manageable'/);
});

test('a held cleaning can be aborted since 1.13, and the node says so', async () => {
  const uuid = await aNode('manageable');
  await provision(uuid, 'clean', { clean_steps: [hold] });
  await untilNode(uuid, 'clean hold');
  assert.equal((await provision(uuid, 'abort', {}, { version: 12 })).status, 406);
  assert.equal((await provision(uuid, 'abort', {}, { version: 13 })).status, 202);
  const { last_error } = await untilNode(uuid, 'clean failed');
  assert.match(last_error ?? '', /^By request, the clean operation was aborted .* "deploy.hold"$/);
});

test('services an active node since 1.87, by steps', async () => {
  const uuid = await aNode('active');
  const steps = { service_steps: [hold] };
  const refused = [
    [await provision(uuid, 'service', steps, { version: 86 }), 406, /1\.87/],
    [await provision(uuid, 'service'), 400, /"service_steps" is required when setting target provision state to service/],
    [await provision(uuid, 'service', { service_steps: [] }), 400, /is required/],
    [await provision(uuid, 'service', { clean_steps: [hold] }), 400, /"clean_steps" is only valid when .* clean/],
    [await provision(uuid, 'clean', { clean_steps: [hold] }), 400, /while it is in state 'active'/],
    [await provision(uuid, 'service', { ...steps, disable_ramdisk: true }, { version: 107 }), 406, /disable_ramdisk/],
    [
      await provision(uuid, 'service', { service_steps: [{ interface: 'deploy', step: 'erase_devices' }] }),
      400,
      /does not support/,
    ],
  ] as const;
  for (const [{ status, text }, expected, message] of refused) {
    assert.equal(status, expected, text);
    assert.match(text, message);
  }
  assert.equal((await provision(uuid, 'service', { ...steps, disable_ramdisk: true })).status, 202);
  await untilNode(uuid, 'service hold');
  const { body } = await ask('GET', `nodes/${uuid}?fields=service_step`);
  assert.equal(body.service_step.step, 'hold');
  assert.equal((await provision(uuid, 'deleted')).status, 409);
  await provision(uuid, 'unhold');
  await untilNode(uuid, 'active');
});

async function aRunbook(name: string, more: object = {}): Promise<string> {
  const steps = [
    { ...powerOn, order: 2 },
    { ...hold, order: '1' },
  ];
  const { status, body, text } = await ask('POST', 'runbooks', { name, steps, ...more }, { version: 92 });
  assert.equal(status, 201, text);
  return body.uuid;
}

test('a held servicing takes other steps, and goes on as they say', async () => {
  const uuid = await aNode('active');
  await provision(uuid, 'service', { service_steps: [hold] });
  const { operation_id: former } = await untilNode(uuid, 'service hold');

  assert.equal((await provision(uuid, 'service')).status, 400);
  const erase = { interface: 'deploy', step: 'erase_devices' };
  assert.equal((await provision(uuid, 'service', { service_steps: [erase] })).status, 400);
  assert.equal((await provision(uuid, 'service', { service_steps: [powerOn] }, { version: 86 })).status, 406);
  assert.equal((await provision(uuid, 'deleted')).status, 409);
  assert.equal((await provision(uuid, 'service', { service_steps: [powerOn, hold] })).status, 202);
  await fixture.engine.ended(String(former));
  const next = await untilNode(uuid, 'service hold');

  assert.deepEqual([next.operation_id === former, next.power_state, next.target_provision_state], [false, 'power on', 'active']);
  await provision(uuid, 'unhold');
  assert.equal((await untilNode(uuid, 'active')).last_error, null);
});

test('steps for child nodes are none of deployments, runbooks and deploy templates, as in Ironic', async () => {
  const uuid = await aNode('available');
  const step = { ...powerOn, args: {}, execute_on_child_nodes: true };
  const { status, text } = await provision(uuid, 'active', { deploy_steps: [{ ...step, priority: 150 }] });
  assert.deepEqual([status, /Invalid deploy_steps|image_source/.test(text)], [400, true]);
  for (const [path, place] of [
    ['runbooks', { order: 1 }],
    ['deploy_templates', { priority: 1 }],
  ] as const)
    assert.equal((await ask('POST', path, { name: 'CUSTOM_CHILDREN', steps: [{ ...step, ...place }] })).status, 400, path);
});

test('cleans and services by a runbook that the traits of the node allow', async () => {
  const uuid = await aNode('manageable', ['CUSTOM_BOOK']);
  const book = await aRunbook('CUSTOM_BOOK');
  await aRunbook('CUSTOM_OTHER');
  const clean = (more: object, version = 92) => provision(uuid, 'clean', more, { version });

  const refused = [
    [await clean({ runbook: 'CUSTOM_BOOK' }, 91), 406, /1\.92/],
    [await clean({ runbook: 'absent' }), 404, /absent/],
    [await clean({ runbook: 'CUSTOM_OTHER' }), 400, /has not been approved for use on this node/],
    [await clean({ runbook: book, clean_steps: [hold] }), 400, /either "clean_steps" or a runbook, but not both/],
    [await provision(uuid, 'provide', { runbook: book }), 400, /"runbooks" is only valid/],
  ] as const;
  for (const [{ status, text }, expected, message] of refused) {
    assert.equal(status, expected, text);
    assert.match(text, message);
  }
  assert.equal((await clean({ runbook: 'CUSTOM_BOOK' })).status, 202);
  const held = await untilNode(uuid, 'clean hold');
  assert.equal(held.power_state, null);
  await provision(uuid, 'unhold');
  await untilNode(uuid, 'manageable');

  const active = await aNode('active', ['CUSTOM_BOOK']);
  assert.equal((await provision(active, 'service', { runbook: book }, { version: 92 })).status, 202);
  await untilNode(active, 'service hold');
  await store.runbooks.remove({ uuid: book });
  await provision(active, 'unhold');
  await untilNode(active, 'active');
});

test('a runbook that needs no ramdisk refuses steps that do', async () => {
  const uuid = await aNode('manageable', ['CUSTOM_DRY']);
  const steps = [{ interface: 'deploy', step: 'erase_devices', order: 1 }];
  await aRunbook('CUSTOM_DRY', { steps, disable_ramdisk: true });
  const { status, text } = await provision(uuid, 'clean', { runbook: 'CUSTOM_DRY' }, { version: 92 });
  assert.equal(status, 400);
  assert.match(text, /deploy.erase_devices requires booting a ramdisk/);
});

test('deploy steps are taken since 1.69, by the verbs that deploy', async () => {
  const uuid = await aNode('available');
  await ask('PATCH', `nodes/${uuid}`, [{ op: 'add', path: '/instance_info', value: { image_source: anImage().id } }]);
  const deploy_steps = [{ ...hold, args: {}, priority: 150 }];
  assert.equal((await provision(uuid, 'active', { deploy_steps }, { version: 68 })).status, 406);
  assert.match((await provision(uuid, 'manage', { deploy_steps })).text, /only valid when .* active or rebuild/);
  assert.match((await provision(uuid, 'active', { deploy_steps: [hold] })).text, /^Invalid deploy_steps/);
  assert.equal((await provision(uuid, 'active', { deploy_steps }, { version: 69 })).status, 202);
  await untilNode(uuid, 'deploy hold');
  const { body } = await ask('GET', `nodes/${uuid}`);
  assert.deepEqual([body.deploy_step.step, body.deploy_step.priority], ['hold', 150]);
  await provision(uuid, 'unhold');
  await untilNode(uuid, 'active');
});

test('a step that a policy denies is refused, by whatever interface it is named, and in a runbook of a project', async () => {
  const uuid = await aNode('manageable', ['CUSTOM_REBOOT']);
  const as = { as: 'member of the system' } as const;
  for (const slot of ['power', 'bios']) {
    const { status, text } = await provision(uuid, 'clean', { clean_steps: [{ ...reboot, interface: slot }] }, as);
    assert.equal(status, 403);
    assert.match(text, new RegExp(`insufficient privileges to execute step reboot on interface ${slot}`));
  }
  const steps = [{ ...reboot, order: 1 }];
  const own = { as: 'manager of the project' } as const;
  assert.equal((await ask('POST', 'runbooks', { name: 'CUSTOM_REBOOT', steps }, own)).status, 403);
  await aRunbook('CUSTOM_REBOOT', { steps, owner: 'someone' });
  assert.equal((await provision(uuid, 'clean', { runbook: 'CUSTOM_REBOOT' }, { ...as, version: 92 })).status, 403);
  await store.runbooks.update({ name: 'CUSTOM_REBOOT' }, { owner: null });
  assert.equal((await provision(uuid, 'clean', { runbook: 'CUSTOM_REBOOT' }, { ...as, version: 92 })).status, 202);
  await untilNode(uuid, 'manageable');
});
