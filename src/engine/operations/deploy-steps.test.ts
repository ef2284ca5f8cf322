import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { CoreStep, Step } from '#drivers/interfaces.ts';
import type { DeployTemplateStep } from '#store/tables/deploy-templates.ts';
import type { Node } from '#store/tables/nodes.ts';
import { anAvailableNode, anImage, aServerRequest, aStep, testCloud, untilIdle, untilState } from '#test/a-cloud.ts';

const trait = 'CUSTOM_TUNED';
const clearLog = { interface: 'management', step: 'clear_log', args: {} } as const;
const resetBmc = { interface: 'management', step: 'reset_bmc', args: {} } as const;
const powerOff = { interface: 'power', step: 'power_off', args: {} } as const;
const hold = { interface: 'power', step: 'hold', args: {} } as const;

async function aFixture(t: TestContext) {
  const did: string[] = [];
  const management = { resetBmc: async () => void did.push('reset'), clearLog: async () => void did.push('clear') };
  const own = (name: string, core?: CoreStep): Step => ({
    ...aStep(name, async () => {
      did.push(name);
      return { next: true };
    }),
    ...(core ? { core } : { keepsMachine: true as const }),
  });
  const steps = [
    own('prepare'),
    own('ramdisk', 'deploy'),
    own('write', 'write_image'),
    own('boot loader', 'prepare_instance_boot'),
    own('restart', 'boot_instance'),
  ];
  const options = { management, steps, cleanTimes: { poll: 1, lastWords: 1, flash: 1 } };
  const cloud = await testCloud(options);
  const { engine, store } = cloud;
  t.after(async () => {
    await engine.stop();
    await store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await engine.updateNode(uuid, { traits: [trait], instance_info: { image_source: anImage.id, traits: [trait] } });
  const template = (...added: DeployTemplateStep[]) =>
    store.deploy_templates.insert({ uuid: 't1', name: trait, steps: added, extra: {}, created_at: '', updated_at: null });
  const active = (...deploy_steps: object[]) =>
    engine.setProvisionState(uuid, 'active', { user: { project_id: 'p', is_admin: true }, deploy_steps });
  const untilNode = (state: Node['provision_state']) => untilState(cloud, uuid, state);
  return { ...cloud, did, uuid, template, active, untilNode, again: () => testCloud({ ...options, room: cloud.room, store }) };
}

const core = ['ramdisk', 'write', 'boot loader', 'restart'];

test('the steps of a deploy template stand around the core steps by priority', async (t) => {
  const { did, template, active, untilNode } = await aFixture(t);
  await template({ ...clearLog, priority: 70 }, { ...resetBmc, priority: 100 });

  await active();
  await untilNode('active');

  assert.deepEqual(did, ['prepare', 'reset', 'ramdisk', 'write', 'clear', 'boot loader', 'restart']);
});

test('steps of the request come before those of templates, and priority 0 disables one', async (t) => {
  const { did, template, active, untilNode } = await aFixture(t);
  await template({ ...clearLog, priority: 70 }, { ...resetBmc, priority: 150 });

  await active({ ...clearLog, priority: '10' }, { ...resetBmc, priority: 0 });
  await untilNode('active');

  assert.deepEqual(did, ['prepare', ...core, 'clear']);
});

test('steps that the node does not have refuse the deployment before anything is touched', async (t) => {
  const { did, template, active, untilNode } = await aFixture(t);
  const cases: [object, RegExp][] = [
    [
      { interface: 'raid', step: 'apply_configuration', args: {}, priority: 5 },
      /does not support this deploy step: raid.apply_c/,
    ],
    [{ interface: 'deploy', step: 'erase_devices', args: {}, priority: 5 }, /does not support this deploy step/],
    [{ interface: 'deploy', step: 'deploy', args: {}, priority: 5 }, /core step and cannot be overridden/],
    [{ interface: 'deploy', step: 'write_image', args: {}, priority: 0 }, /core deploy step deploy.write_image/],
    [{ ...powerOff, priority: 90 }, /restarts the machine: its priority must be above 100/],
    [clearLog, /^Invalid deploy_steps: .*priority/],
    [{ ...clearLog, priority: -1 }, /Invalid deploy_steps/],
    [{ interface: 'bios', step: 'factory_reset', args: {}, priority: 150 }, /does not support BIOS settings/],
  ];
  for (const [step, message] of cases) await assert.rejects(active(step), { message });
  await assert.rejects(
    active({ ...clearLog, priority: 1 }, { ...clearLog, priority: 2 }),
    /Duplicate deploy steps for management.clear_log/,
  );
  await template({ interface: 'bios', step: 'bake', args: {}, priority: 150 });
  await assert.rejects(
    active(),
    /Matching deploy templates: CUSTOM_TUNED\. Errors: node does not support this deploy step: bios.bake/,
  );
  assert.deepEqual([did, (await untilNode('available')).operation_id], [[], null]);
});

test('instance traits must be traits of the node', async (t) => {
  const { engine, uuid, active } = await aFixture(t);
  const set = (traits: unknown) => engine.updateNode(uuid, { instance_info: { image_source: anImage.id, traits: traits as [] } });
  await set(['CUSTOM_OTHER']);
  await assert.rejects(
    active(),
    /Cannot specify instance traits that are not also set on the node\. .* missing traits CUSTOM_OTHER/,
  );
  await set('CUSTOM_TUNED');
  await assert.rejects(active(), /A list of strings is expected/);
});

test('a deployment can be held, and continues with the same steps after a restart without the template', async (t) => {
  const first = await aFixture(t);
  const { did, template, active, untilNode, store, uuid } = first;
  await template({ ...hold, priority: 70 }, { ...clearLog, priority: 5 });
  await active();
  await untilNode('deploy hold');
  await first.engine.stop();
  await store.deploy_templates.remove({ uuid: 't1' });

  const second = await first.again();
  t.after(() => second.engine.stop());
  await second.engine.start();
  for (;;) {
    const node = await untilState(second, uuid, 'deploy hold');
    if ((await store.operations.find({ id: node.operation_id ?? '' }))?.waiting_for) break;
  }
  await second.engine.setProvisionState(uuid, 'unhold');
  await untilNode('active');

  assert.deepEqual(did, ['prepare', ...core, 'clear']);
});

test('an abort of a held deployment fails it', async (t) => {
  const { did, engine, uuid, active, untilNode } = await aFixture(t);
  await active({ ...hold, priority: 150 });
  await untilNode('deploy hold');
  await engine.setProvisionState(uuid, 'abort');
  await untilNode('deploy failed');
  assert.deepEqual(did, ['prepare']);
});

test('a server gets the steps of the templates that its flavor and image require, on a node that has them', async (t) => {
  const { did, engine, store, template, uuid } = await aFixture(t);
  await engine.updateNode(uuid, { instance_info: {} });
  await template({ ...clearLog, priority: 150 });
  const flavor = { ...aServerRequest.flavor, extra_specs: { [`trait:${trait}`]: 'required' } };

  const [server] = await engine.createServers({ ...aServerRequest, flavor });
  await untilIdle({ engine, store });

  assert.equal((await store.servers.find({ id: server!.id }))?.vm_state, 'active');
  assert.deepEqual((await store.nodes.find({ uuid }))?.instance_info['traits'], [trait]);
  assert.deepEqual(did, ['prepare', 'clear', ...core]);
  did.length = 0;
  await engine.rebuildServer(server!.id, { image: anImage });
  await untilIdle({ engine, store });
  assert.deepEqual(did, ['prepare', 'clear', ...core]);
});

test('no server is placed on a node that lacks the steps of its templates', async (t) => {
  const { engine, template } = await aFixture(t);
  await template({ interface: 'bios', step: 'factory_reset', args: {}, priority: 150 });
  const flavor = { ...aServerRequest.flavor, extra_specs: { [`trait:${trait}`]: 'required' } };
  const [server] = await engine.createServers({ ...aServerRequest, flavor });
  assert.match(server?.fault?.message ?? '', /1 whose driver refuses: Node n1 .* does not support BIOS settings/);
});
