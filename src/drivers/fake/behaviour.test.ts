import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { aNode } from '#test/a-task.ts';
import type { NodeFacts } from '../interfaces.ts';
import type { FakeSettings } from './behaviour.ts';
import { createFakeDriver } from './index.ts';

const aDriver = (settings: Partial<FakeSettings> = {}) => createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0, ...settings });
const facts = (driver_info: JsonObject = {}, changes: Partial<NodeFacts> = {}): NodeFacts => ({
  ...aNode({ driver_info, power_state: null }),
  ports: [],
  ...changes,
});

/** Polls `count` times; one letter per poll: success or failure. */
async function polls(driver: ReturnType<typeof aDriver>, node: NodeFacts, count: number): Promise<string> {
  let reported = '';
  for (let poll = 0; poll < count; poll++)
    reported += await driver.power.getPower(node).then(
      () => '.',
      (error) => error.code[0],
    );
  return reported;
}

test('fails at the configured rate, the same again for the same seed and machine', async () => {
  const node = facts({ fake_fail_rate: '0.2' });
  const first = await polls(aDriver({ seed: 7 }), node, 1000);
  const failed = first.replaceAll('.', '').length;
  assert.ok(failed > 150 && failed < 250, String(failed));
  assert.equal(await polls(aDriver({ seed: 7 }), node, 1000), first);
  assert.notEqual(await polls(aDriver({ seed: 8 }), node, 1000), first);
  assert.notEqual(await polls(aDriver({ seed: 7 }), facts(node.driver_info, { uuid: 'other' }), 1000), first);
});

test('power reads do not change which command fails', async () => {
  const node = facts({ fake_fail_rate: 0.5 });
  const driver = aDriver();
  const order = async (before: number) => {
    await polls(driver, node, before);
    return driver.power.setPower(node, 'power on').then(
      () => true,
      () => false,
    );
  };
  const other = aDriver();
  const expected = [];
  for (let time = 0; time < 20; time++)
    expected.push(
      await other.power.setPower(node, 'power on').then(
        () => true,
        () => false,
      ),
    );
  const seen = [];
  for (let time = 0; time < 20; time++) seen.push(await order(time));
  assert.deepEqual(seen, expected);
});

test('rates of commands override the general one', async () => {
  const driver = aDriver({ failRate: '1' });
  await assert.rejects(driver.power.getPower(facts()), { code: 'bmcError' });
  const node = facts({ fake_fail_rate: 'power on=1, bmc unreachable = 0' });
  assert.equal(await driver.power.getPower(node), 'power off');
  await assert.rejects(driver.power.setPower(node, 'power on'), { code: 'bmcError' });
  const gone = facts({ fake_fail_rate: 'bmc unreachable=1' });
  await assert.rejects(driver.power.getPower(gone), { code: 'bmcUnreachable' });
});

test('accepts stuck commands without effect', async () => {
  const driver = aDriver();
  const node = facts({ fake_stuck: 'power on' });
  await driver.power.setPower(node, 'power on');
  assert.equal(await driver.power.getPower(node), 'power off');
  await driver.power.setPower(node, 'reset');
  assert.equal(await driver.power.getPower(node), 'power on');
  const all = facts({}, { uuid: 'all' });
  await aDriver({ stuck: 'all' }).power.setPower(all, 'power on');
  assert.equal(await driver.power.getPower(all), 'power off');
});

test('applies a soft power off later, and a hard one at once', async () => {
  const driver = aDriver({ softOffSeconds: 0.05 });
  const node = facts({}, { power_state: 'power on' });
  await driver.power.setPower(node, 'soft power off');
  while ((await driver.power.getPower(node)) === 'power on') await new Promise(setImmediate);
  await driver.power.setPower(node, 'power on');
  const slow = { ...node, driver_info: { fake_soft_off_seconds: 1000 } };
  await driver.power.setPower(slow, 'soft power off');
  assert.equal(await driver.power.getPower(slow), 'power on');
  await driver.power.setPower(slow, 'power off');
  assert.equal(await driver.power.getPower(slow), 'power off');
});

test('an abort ends a delay', async () => {
  const controller = new AbortController();
  const poll = aDriver({ delayMs: '1000000-2000000' }).power.getPower(facts(), { signal: controller.signal });
  controller.abort();
  await assert.rejects(poll, { name: 'AbortError' });
});

test('names invalid settings', () => {
  const wrong: JsonObject[] = [
    { fake_delay_ms: 'soon' },
    { fake_fail_rate: '2' },
    { fake_fail_rate: 'power on=' },
    { fake_stuck: 1 },
    { fake_soft_off_seconds: '-1' },
    { fake_seed: 'x' },
  ];
  for (const info of wrong) {
    const [key = ''] = Object.keys(info);
    assert.throws(() => aDriver().power.validate(facts(info)), { code: 'driverInfo', message: new RegExp(key) }, key);
  }
  aDriver().power.validate(facts({ fake_delay_ms: '5 - 50', fake_fail_rate: 'power on=0.5, 0.01' }));
});

test('keeps no memory of ten thousand polled machines', async () => {
  const driver = aDriver();
  for (let index = 0; index < 10_000; index++)
    await driver.power.getPower(facts({}, { uuid: `node-${index}`, power_state: 'power on' }));
  for (let index = 0; index < 60_000; index++) await driver.power.setPower(facts({}, { uuid: `node-${index}` }), 'power on');
  // The least recently changed machines are evicted and have the state of their rows again.
  assert.equal(await driver.power.getPower(facts({}, { uuid: 'node-1' })), 'power off');
  assert.equal(await driver.power.getPower(facts({}, { uuid: 'node-59999' })), 'power on');
});
