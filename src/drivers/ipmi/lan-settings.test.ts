/** LAN settings both ways: ipmitool changes and reads the virtual BMC's, our driver those of OpenIPMI's simulator. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startIpmiSim, withoutIpmiSim, withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { ipmitool } from '#test/captures/ipmi-tools.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { lanParameters, setLanParameters } from '#wire/ipmi/transport-commands.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createIpmiDriver, type IpmiDriver } from './index.ts';

const login = { user: 'admin', password: 'secret', suite: 17 };

type Leniency = (parameter: number) => number | undefined;

/** @param oddity the completion code returned for a parameter instead of setting it */
async function setUp(t: TestContext, oddity: Leniency = () => undefined) {
  const bmc = await startBmc({
    address: '127.0.0.1',
    port: 0,
    users: [{ name: login.user, password: login.password }],
    chassis: createMemoryChassis(),
    answering: ({ netFn, command, data }) => {
      const isSetting = netFn === setLanParameters.netFn && command === setLanParameters.command;
      const completion = isSetting ? oddity(data[1] ?? 0) : undefined;
      return completion === undefined ? undefined : { completion, data: Buffer.alloc(0) };
    },
  });
  const driver = createIpmiDriver({ rawCommands: 'all' });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const setLan = settingOf(driver, bmc.port);
  return { bmc, setLan, tool: async (command: string) => (await ipmitool({ port: bmc.port, ...login }, command)).stdout };
}

function settingOf(driver: IpmiDriver, port: number) {
  const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0030';
  const node: NodeFacts = {
    ...{ id: 1, uuid, name: 'lan', driver: 'ipmi', driver_info },
    ...{ properties: {}, extra: {}, power_state: null, ports: [] },
  };
  return (parameters: Record<string, string | number | null>) => {
    const method = driver.vendor.methods['set_lan'];
    assert.ok(method);
    return method.run(node, parameters);
  };
}

suite('LAN settings of the virtual BMC', { skip: withoutIpmitool }, () => {
  test('set by our driver equal those shown by ipmitool', async (t) => {
    const { setLan, tool } = await setUp(t);

    await setLan({ address: '192.0.2.9', netmask: '255.255.255.128', gateway: '192.0.2.1', vlan: 42, address_source: 'static' });

    const printed = await tool('lan print 1');
    assert.match(printed, /Set in Progress +: Set Complete/);
    assert.match(printed, /IP Address Source +: Static Address/);
    assert.match(printed, /IP Address +: 192\.0\.2\.9/);
    assert.match(printed, /Subnet Mask +: 255\.255\.255\.128/);
    assert.match(printed, /Default Gateway IP +: 192\.0\.2\.1/);
    assert.match(printed, /802\.1q VLAN ID +: 42/);
  });

  test('set by ipmitool are read by our driver', async (t) => {
    const { setLan, tool } = await setUp(t);
    const commands = ['ipsrc static', 'ipaddr 192.0.2.7', 'netmask 255.255.255.0', 'defgw ipaddr 192.0.2.2', 'vlan id 7'];

    for (const command of commands) await tool(`lan set 1 ${command}`);

    const wanted = { address_source: 'static', address: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.2', vlan: 7 };
    const { changed } = (await setLan(wanted)) as { changed: string[] };
    assert.deepEqual(changed, []);
  });
});

test("LAN settings of OpenIPMI's simulated BMC, as ipmitool prints them", {
  skip: withoutIpmiSim || withoutIpmitool,
}, async (t) => {
  const sim = await startIpmiSim();
  const driver = createIpmiDriver({ rawCommands: 'all' });
  t.after(async () => {
    await driver.close();
    await sim.close();
  });

  const wanted = { address_source: 'static', netmask: '255.255.255.128', gateway: '192.0.2.1', address: '192.0.2.9', vlan: 42 };
  const outcome = (await settingOf(driver, sim.port)(wanted)) as { verified: boolean; advice: string };

  assert.equal(outcome.verified, true);
  assert.match(outcome.advice, /set ipmi_address in driver_info to 192\.0\.2\.9/);
  const { stdout } = await ipmitool({ port: sim.port, ...login, suite: 3 }, 'lan print 1');
  assert.match(stdout, /IP Address Source +: Static Address\nIP Address +: 192\.0\.2\.9\nSubnet Mask +: 255\.255\.255\.128/);
  assert.match(stdout, /Default Gateway IP +: 192\.0\.2\.1/);
  assert.match(stdout, /802\.1q VLAN ID +: 42/);
});

suite('a BMC', () => {
  test('that reports success but keeps the old value is reported as such', async (t) => {
    const { setLan } = await setUp(t, () => completionCodes.ok);
    await assert.rejects(setLan({ gateway: '192.0.2.1' }), failsWith('bmcError', /is set to 192\.0\.2\.1, and keeps/));
  });

  test('that is being configured by another party is left unchanged', async (t) => {
    const { setLan } = await setUp(t, (parameter) => (parameter === lanParameters.setInProgress ? 0x81 : undefined));
    await assert.rejects(setLan({ gateway: '192.0.2.1' }), failsWith('bmcError', /another party is setting/));
  });

  test('without "set in progress" support is configured without it', async (t) => {
    const { setLan } = await setUp(t, (parameter) => (parameter === lanParameters.setInProgress ? 0x80 : undefined));
    const { changed, verified } = (await setLan({ gateway: '192.0.2.1' })) as { changed: string[]; verified: boolean };
    assert.deepEqual([changed, verified], [['gateway'], true]);
  });

  test('that rejects a setting is reported with its completion code', async (t) => {
    const { setLan } = await setUp(t, (parameter) => (parameter === lanParameters.vlanId ? 0x82 : undefined));
    await assert.rejects(setLan({ vlan: 3 }), failsWith('bmcError', /read-only/));
  });
});

function failsWith(code: string, words: RegExp) {
  return (error: unknown) => error instanceof Fault && error.code === code && words.test(error.message);
}
