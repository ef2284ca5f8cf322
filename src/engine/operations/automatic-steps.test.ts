import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { automaticStepNames } from '#domain/automatic-steps.ts';
import type { JsonObject } from '#domain/json.ts';
import { reservedSteps, stepNameOf, stepNames } from '#domain/step-names.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aNode } from '#test/a-task.ts';
import { automaticSteps, checkNodePriorities } from './automatic-steps.ts';
import { isReserved, nameOf, stepTable } from './node-steps.ts';

function chosen(flags: Record<string, string>, driver_info: JsonObject = {}): string[] {
  const settings = readSettings({ flags: { state_dir: '/nonexistent', ...flags } });
  const management = { ipmi: { resetBmc: async () => {}, clearLog: async () => {} } };
  const drivers = { management, bios: { 'no-bios': { unsupported: true } }, raid: {} } as unknown as Drivers;
  const node = aNode({ driver_info, management_interface: 'ipmi', bios_interface: 'no-bios' });
  return automaticSteps({ drivers, settings, node }).map((step) => `${nameOf(step)} ${step.priority}`);
}

test('the steps that automatic cleaning can execute are those of cleaning that need no arguments', () => {
  const usable = Object.entries(stepTable).filter(([, { uses, args }]) => uses.includes('clean') && Value.Check(args, {}));
  assert.deepEqual(usable.map(([name]) => name).toSorted(), automaticStepNames.toSorted());
});

test('the steps that rights name are those that there are', () => {
  const ofInterfaces = stepNames.filter((name) => !isReserved({ step: name.split('.')[1] ?? '' }));
  assert.deepEqual(ofInterfaces.toSorted(), Object.keys(stepTable).toSorted());
  const reserved = stepNames.filter((name) => isReserved({ step: name.split('.')[1] ?? '' }));
  assert.deepEqual(
    reserved,
    reservedSteps.map((step) => stepNameOf({ interface: 'bios', step })),
  );
  assert.equal(
    reservedSteps.every((step) => isReserved({ step })),
    true,
  );
});

test('automatic cleaning erases the disks, and executes what a setting and the node add, by priority', () => {
  const setting = { 'clean.step_priorities': 'management.clear_log=20,management.reset_bmc=10,bios.factory_reset=5' };

  assert.deepEqual(chosen({}), ['deploy.erase_devices 10']);
  assert.deepEqual(chosen(setting), ['management.clear_log 20', 'management.reset_bmc 10', 'deploy.erase_devices 10']);
  const own = { clean_step_priorities: { 'management.clear_log': 0, 'management.reset_bmc': 2, 'deploy.erase_devices': 1 } };
  assert.deepEqual(chosen(setting, own), ['management.reset_bmc 2', 'deploy.erase_devices 1']);
  assert.deepEqual(chosen({ ...setting, 'clean.disallowed_steps': 'management.clear_log,deploy.erase_devices' }), [
    'management.reset_bmc 10',
    'deploy.erase_devices 10',
  ]);
});

test('nothing disables the erasure', () => {
  const none = { 'deploy.erase_devices': 0 };
  assert.throws(() => chosen({ 'clean.step_priorities': 'deploy.erase_devices=0' }), /clean.step_priorities/);
  assert.throws(() => checkNodePriorities({ clean_step_priorities: none }), /deploy.erase_devices one from 1/);
  assert.deepEqual(chosen({}, { clean_step_priorities: none }), ['deploy.erase_devices 10']);
});

for (const given of [7, [], { 'bios.bake': 1 }, { 'firmware.update': 1 }, { 'management.clear_log': 1.5 }]) {
  test(`a node cannot have the step priorities ${JSON.stringify(given)}`, () => {
    assert.throws(() => checkNodePriorities({ clean_step_priorities: given as never }), { code: 'badRequest' });
  });
}
