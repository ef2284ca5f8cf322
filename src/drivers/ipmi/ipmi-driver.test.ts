import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { faultOf } from '#test/fault-of.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';

/** For a BMC that does not respond. */
const quick = { ...defaultTimings, firstWait: 30, longestWait: 60, deadline: 400, singleWait: 100 };
/** No retransmissions, even on a slow machine. */
const calm = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, singleWait: 10_000 };
const users = [
  { name: 'admin', password: 'secret' },
  { name: 'open', password: '' },
  { name: 'watcher', password: 'secret', privilege: 'user' },
] as const;

function aNode(driver_info: JsonObject, properties: JsonObject = {}): NodeFacts {
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
  return { id: 1, uuid, name: 'n1', driver: 'ipmi', driver_info, properties, extra: {}, power_state: null, ports: [] };
}

/** A driver, a virtual BMC on loopback, and what the two reported. */
async function setUp(t: TestContext, timings = calm) {
  const chassis = createMemoryChassis();
  const commands: string[] = [];
  const onCommand = ({ command }: { command: string }) => void commands.push(command);
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, onCommand });
  const driver = createIpmiDriver({ timings });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const node = (changes: JsonObject = {}, properties: JsonObject = {}) => aNode({ ...info, ...changes }, properties);
  return { chassis, bmc, driver, node, commands };
}

test('reads and changes the power state', async (t) => {
  const { chassis, driver, node } = await setUp(t);
  assert.equal(await driver.power.getPower(node()), 'power off');
  await driver.power.setPower(node(), 'power on');
  assert.equal(await driver.power.getPower(node()), 'power on');
  await driver.power.setPower(node(), 'reset');
  assert.equal(chassis.boots.length, 2);
  await driver.power.setPower(node(), 'soft power off');
  assert.equal(await driver.power.getPower(node()), 'power off');
});

test('uses one session for many commands and closes it', async (t) => {
  const { bmc, driver, node, commands } = await setUp(t);
  await driver.power.getPower(node());
  await driver.power.getPower(node());
  await driver.management.getBootDevice(node());
  assert.equal(bmc.sessionCount, 1);

  await driver.close();

  assert.equal(bmc.sessionCount, 0);
  assert.equal(commands.filter((name) => name === 'Set Session Privilege Level').length, 1);
});

test('sends a power command once', async (t) => {
  const { bmc, driver, node, commands } = await setUp(t);
  bmc.setBmcProfile({ acceptsWithoutEffect: true });

  await driver.power.setPower(node(), 'power on');

  assert.equal(await driver.power.getPower(node()), 'power off');
  assert.equal(commands.filter((name) => name === 'Chassis Control').length, 1);
});

test('sets the boot device for the next boot', async (t) => {
  const { chassis, driver, node } = await setUp(t);
  await driver.management.setBootDevice(node(), 'pxe', { persistent: false });
  assert.deepEqual(await driver.management.getBootDevice(node()), { device: 'pxe', persistent: false });

  await driver.power.setPower(node(), 'power on');

  assert.deepEqual(chassis.boots, [{ device: 'pxe', persistent: false, uefi: false }]);
  assert.deepEqual(await driver.management.getBootDevice(node()), { device: null, persistent: null });
});

test('sets the boot device permanently, for UEFI if so configured', async (t) => {
  const { chassis, driver, node } = await setUp(t);
  const uefi = node({}, { capabilities: 'a:b,boot_mode:uefi' });

  await driver.management.setBootDevice(uefi, 'disk', { persistent: true });
  await driver.power.setPower(uefi, 'power on');
  await driver.power.setPower(uefi, 'reset');

  const request = { device: 'disk', persistent: true, uefi: true };
  assert.deepEqual(chassis.boots, [request, request]);
});

test('accepts an empty password', async (t) => {
  const { driver, node } = await setUp(t);
  assert.equal(await driver.power.getPower(node({ ipmi_username: 'open', ipmi_password: '' })), 'power off');
  assert.equal(await driver.power.getPower(node({ ipmi_username: 'open', ipmi_password: null })), 'power off');
});

test('uses changed credentials', async (t) => {
  const { driver, node } = await setUp(t);
  assert.equal((await faultOf(driver.power.getPower(node({ ipmi_password: 'old' })))).code, 'bmcRefused');
  assert.equal(await driver.power.getPower(node()), 'power off');
});

test('supports each cipher suite', async (t) => {
  const { bmc, driver, node } = await setUp(t);
  for (const ipmi_cipher_suite of ['3', 17]) {
    bmc.setBmcProfile({ cipherSuites: [Number(ipmi_cipher_suite) as 3 | 17] });
    assert.equal(await driver.power.getPower(node({ ipmi_cipher_suite })), 'power off');
  }
  bmc.setBmcProfile({ cipherSuites: [3] });
  assert.equal(await driver.power.getPower(node()), 'power off');
});

test('reports a BMC that does not respond', async (t) => {
  const { bmc, driver, node } = await setUp(t, quick);
  bmc.setBmcProfile({ silent: true });

  const fault = await faultOf(driver.power.getPower(node()));

  assert.equal(fault.code, 'bmcUnreachable');
  assert.match(fault.message, /127\.0\.0\.1 \(port \d+\) did not respond \(\d+ attempts/);
});

test('reports a BMC that stops responding during a conversation, and recovers', async (t) => {
  const { bmc, driver, node } = await setUp(t, { ...quick, deadline: 1_000 });
  await driver.power.getPower(node());
  bmc.setBmcProfile({ silent: true });
  assert.equal((await faultOf(driver.power.setPower(node(), 'power on'))).code, 'bmcUnreachable');

  bmc.setBmcProfile({ silent: false });

  assert.equal(await driver.power.getPower(node()), 'power off');
});

test('opens a new session when the BMC has forgotten the old one', async (t) => {
  const { bmc, driver, node } = await setUp(t, { ...quick, deadline: 10_000 });
  await driver.power.getPower(node());

  bmc.restart();

  assert.equal(await driver.power.getPower(node()), 'power off');
});

test('reports a rejected password without quoting it', async (t) => {
  const { bmc, driver, node } = await setUp(t);
  bmc.setBmcProfile({ refusePassword: true });

  const fault = await faultOf(driver.power.getPower(node()));

  assert.equal(fault.code, 'bmcRefused');
  assert.doesNotMatch(JSON.stringify([fault.message, fault.hint, fault.detail]), /secret/);
});

test('reports an unknown user and an insufficient privilege', async (t) => {
  const { driver, node } = await setUp(t);
  const unknown = await faultOf(driver.power.getPower(node({ ipmi_username: 'nobody' })));
  assert.deepEqual([unknown.code, /unauthorized name/.test(unknown.message)], ['bmcRefused', true]);

  const denied = await faultOf(driver.power.getPower(node({ ipmi_username: 'watcher' })));
  assert.deepEqual([denied.code, /privilege/.test(denied.message)], ['bmcInsufficientPrivilege', true]);
});

test('reports a completion code with its text', async (t) => {
  const { driver, node } = await setUp(t);
  const watcher = node({ ipmi_username: 'watcher', ipmi_priv_level: 'USER' });
  assert.equal(await driver.power.getPower(watcher), 'power off');

  const fault = await faultOf(driver.power.setPower(watcher, 'power on'));

  assert.equal(fault.code, 'bmcInsufficientPrivilege');
  assert.match(fault.message, /privilege for Chassis Control: completion code D4h \(insufficient privilege level\)/);
});

test('aborts a pending request when the driver closes', async (t) => {
  const { bmc, driver, node } = await setUp(t);
  bmc.setBmcProfile({ silent: true });
  const request = faultOf(driver.power.getPower(node()));

  await driver.close();

  assert.equal((await request).code, 'interrupted');
});

suite('driver_info of the ipmi driver', () => {
  const { power } = createIpmiDriver();
  const bmc = { ipmi_address: '192.0.2.1' };
  const cases: Record<string, [JsonObject, RegExp]> = {
    'no address': [{}, /ipmi_address is missing/],
    'a port out of range': [{ ...bmc, ipmi_port: '70000' }, /ipmi_port must be/],
    'a port that is no number': [{ ...bmc, ipmi_port: 'x' }, /ipmi_port must be/],
    'an unknown privilege': [{ ...bmc, ipmi_priv_level: 'ROOT' }, /ipmi_priv_level must be one of/],
    'cipher suite 0': [{ ...bmc, ipmi_cipher_suite: '0' }, /ipmi_cipher_suite must be 17 or 3, not 0/],
    'cipher suite 0 as a number': [{ ...bmc, ipmi_cipher_suite: 0 }, /ipmi_cipher_suite must be/],
    'a long password': [{ ...bmc, ipmi_password: 'x'.repeat(21) }, /ipmi_password is longer than the 20 bytes/],
    'a long user name': [{ ...bmc, ipmi_username: 'ü'.repeat(9) }, /ipmi_username is longer than the 16 bytes/],
    'a list for a text': [{ ...bmc, ipmi_password: ['x'] }, /ipmi_password must be text/],
    'a short BMC key': [{ ...bmc, ipmi_hex_kg_key: 'abcd' }, /40 hexadecimal digits/],
  };
  for (const [name, [info, expected]] of Object.entries(cases)) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => power.validate(aNode(info)),
        (error) => error instanceof Fault && error.code === 'driverInfo' && expected.test(error.message),
      );
    });
  }

  test('accepts the minimum', () => {
    power.validate(aNode(bmc));
  });

  test('explains every key', () => {
    for (const [key, { help }] of Object.entries(power.properties)) assert.ok(help.length > 10, key);
    assert.equal(power.properties['ipmi_password']?.secret, true);
  });
});
