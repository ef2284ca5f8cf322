import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aNode, anImage, aTask, runStep } from '#test/a-task.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createFakeDriver } from './index.ts';

const facts = (changes: Partial<NodeFacts> = {}): NodeFacts => ({ ...aNode(), ports: [], ...changes });
const fake = createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 });

test('power: starts with the state of the row, changes, and is kept per machine', async () => {
  const [one, two] = [facts({ uuid: 'one', power_state: 'power on' }), facts({ uuid: 'two', power_state: null })];
  assert.deepEqual([await fake.power.getPower(one), await fake.power.getPower(two)], ['power on', 'power off']);
  await fake.power.setPower(one, 'soft power off');
  await fake.power.setPower(two, 'reset');
  assert.deepEqual([await fake.power.getPower(one), await fake.power.getPower(two)], ['power off', 'power on']);
});

test('fails what fake_fail names, and nothing else', async () => {
  const node = facts({ uuid: 'three', driver_info: { fake_fail: 'power on, boot device' } });
  await assert.rejects(fake.power.setPower(node, 'power on'), { code: 'bmcError', message: /power on/ });
  assert.equal(await fake.power.getPower(node), 'power off');
  await fake.power.setPower(node, 'power off');
  await assert.rejects(fake.management.setBootDevice(node, 'pxe', { persistent: true }), { code: 'bmcError' });
  const refuses = facts({ driver_info: { fake_fail: 'bmc refuses' } });
  await assert.rejects(fake.power.getPower(refuses), { code: 'bmcRefused' });
  const silent = facts({ driver_info: { fake_fail: 'bmc unreachable' } });
  await assert.rejects(fake.power.getPower(silent), { code: 'bmcUnreachable' });
});

test('names invalid driver_info', () => {
  const validate = (driver_info: NodeFacts['driver_info']) => () => fake.power.validate(facts({ driver_info }));
  validate({ fake_power_delay_ms: '10' })();
  assert.throws(validate({ fake_power_delay_ms: 'soon' }), { code: 'driverInfo', message: /fake_power_delay_ms/ });
  assert.throws(validate({ fake_fail: 3 }), { code: 'driverInfo', message: /fake_fail/ });
});

test('remembers the boot device', async () => {
  const node = facts({ uuid: 'four' });
  assert.deepEqual(await fake.management.getBootDevice(node), { device: null, persistent: null });
  await fake.management.setBootDevice(node, 'disk', { persistent: true });
  assert.deepEqual(await fake.management.getBootDevice(node), { device: 'disk', persistent: true });
});

test('completes a deployment and leaves the machine on', async () => {
  const task = aTask({ images: { get: async () => anImage() } });
  for (const step of fake.deploy.steps) assert.ok('next' in (await runStep(fake.deploy.steps, step.name, task)));
  assert.equal(await task.power.get(), 'power on');
});

test('fails a step named in fake_fail; an abort ends a delay', async () => {
  const failing = aTask({ node: { driver_info: { fake_fail: 'write image' } } });
  await assert.rejects(runStep(fake.deploy.steps, 'write image', failing), { code: 'agentFailed', message: /fake_fail/ });
  const slow = createFakeDriver({ powerDelayMs: 0, deployDelayMs: 1_000_000 });
  const controller = new AbortController();
  const run = runStep(slow.deploy.steps, 'write image', aTask({ signal: controller.signal }));
  controller.abort();
  await assert.rejects(run, { name: 'AbortError' });
});

test('the console identifies a fake machine', async () => {
  assert.match((await fake.console.log?.(facts({ name: 'n1' }))) ?? '', /fake machine n1/);
  assert.equal((await fake.console.log?.(facts({ name: 'n1' }), { lines: 1 }))?.split('\n').length, 2);
});
