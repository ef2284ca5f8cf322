/** Machines behind another BMC: our driver with the virtual BMC and with OpenIPMI's, ipmitool with the virtual BMC. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { type Bmc, startBmc } from '#lab/bmc/bmc.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import type { Satellite } from '#lab/bmc/ipmi/satellites.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startIpmiSim, withoutIpmiSim, withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { simKnowledge } from '#test/captures/ipmi-sim-sensors.ts';
import { ipmitool } from '#test/captures/ipmi-tools.ts';
import type { ManagementInterface, NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';
import { ipmiProperties, readIpmiSettings } from './properties.ts';

/** For `assert.rejects` and `assert.throws`. */
const failsWith = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof Fault && error.code === code && words.test(error.message);

const login = { user: 'admin', password: 'secret', suite: 17 };
const single = { ipmi_bridging: 'single', ipmi_target_channel: 0, ipmi_target_address: '0x72' };
const dual = {
  ...single,
  ipmi_bridging: 'dual',
  ipmi_target_channel: 7,
  ipmi_target_address: '0x82',
  ipmi_transit_channel: 0,
  ipmi_transit_address: '0x72',
};

function aNode(port: number, bridging: object): NodeFacts {
  const driver_info = {
    ipmi_address: '127.0.0.1',
    ipmi_port: port,
    ipmi_username: 'admin',
    ipmi_password: 'secret',
    ...bridging,
  };
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0020';
  return { id: 1, uuid, name: 'behind', driver: 'ipmi', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
}

/** A BMC, a controller at 72h on its bus, and one at 82h on channel 7 of that controller. */
async function setUp(t: TestContext, embedsBridged = false) {
  const users = [{ name: login.user, password: login.password, privilege: 'administrator' as const }];
  const machines = [createMemoryChassis(), createMemoryChassis(), createMemoryChassis()] as const;
  const modelOf = (chassis: (typeof machines)[number], serial: string) =>
    createBmcModel({ chassis, users, lan: { address: '127.0.0.1' }, identity: { serial } });
  const far: Satellite = { channel: 7, address: 0x82, bmcModel: modelOf(machines[2], 'FAR') };
  const near: Satellite = { channel: 0, address: 0x72, bmcModel: modelOf(machines[1], 'NEAR'), satellites: [far] };
  const bmc: Bmc = await startBmc({
    address: '127.0.0.1',
    port: 0,
    bmcModel: modelOf(machines[0], 'OWN'),
    satellites: [near],
    profile: { embedsBridged },
  });
  const driver = createIpmiDriver();
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const states = () => machines.map((machine) => machine.power() === 'on');
  const tool = (options: string, command: string) =>
    ipmitool({ port: bmc.port, ...login, options: options.split(' ').filter(Boolean) }, command);
  return { bmc, driver, states, tool };
}

const ways = [
  ['the BMC itself', {}, '', 0],
  ['a controller on its bus', single, '-b 0 -t 0x72', 1],
  ['a controller behind that one', dual, '-b 7 -t 0x82 -B 0 -T 0x72 -m 0x20', 2],
] as const;

for (const embeds of [false, true]) {
  suite(`with replies ${embeds ? 'embedded in those to Send Message' : 'sent separately'}`, () => {
    // ipmitool does not find a response that is encapsulated twice.
    for (const [what, bridging, options, index] of embeds ? ways.slice(0, 2) : ways) {
      test(`our driver and ipmitool switch ${what}`, { skip: withoutIpmitool }, async (t) => {
        const { bmc, driver, states, tool } = await setUp(t, embeds);
        const node = aNode(bmc.port, bridging);
        const only = [0, 1, 2].map((machine) => machine === index);

        await driver.power.setPower(node, 'power on');
        assert.deepEqual(states(), only);
        assert.equal(await driver.power.getPower(node), 'power on');
        assert.match((await tool(options, 'power status')).stdout, /is on/);

        assert.match((await tool(options, 'power off')).stdout, /Down\/Off/);
        assert.equal(await driver.power.getPower(node), 'power off');
        assert.deepEqual(states(), [false, false, false]);
      });

      test(`our driver and ipmitool read what ${what} is`, { skip: withoutIpmitool }, async (t) => {
        const { bmc, driver, tool } = await setUp(t, embeds);

        const { serial } = await (driver.management as Required<ManagementInterface>).identify(aNode(bmc.port, bridging));

        assert.equal(serial, ['OWN', 'NEAR', 'FAR'][index]);
        assert.match((await tool(options, 'fru print 0')).stdout, new RegExp(`Product Serial +: ${serial}`));
      });
    }
  });
}

suite('bridging', () => {
  test('finds a reply embedded in two others', async (t) => {
    const { bmc, driver, states } = await setUp(t, true);

    await driver.power.setPower(aNode(bmc.port, dual), 'power on');

    assert.deepEqual(states(), [false, false, true]);
    assert.equal(await driver.power.getPower(aNode(bmc.port, dual)), 'power on');
  });

  test('nodes behind one BMC share its session', async (t) => {
    const { bmc, driver } = await setUp(t);

    for (const [, bridging] of ways) await driver.power.getPower(aNode(bmc.port, bridging));

    assert.equal(bmc.sessionCount, 1);
  });

  test('reports a controller that does not exist', async (t) => {
    const { bmc, driver } = await setUp(t);

    const node = aNode(bmc.port, { ...single, ipmi_target_address: '0x74' });

    await assert.rejects(
      driver.power.getPower(node),
      failsWith('bmcError', /Send Message.*no controller answers at that address/),
    );
  });

  test('does not change the password of a BMC used to reach others', async (t) => {
    const { bmc, driver } = await setUp(t);

    const changing = (driver.management as Required<ManagementInterface>).changePassword(aNode(bmc.port, single), 'another');

    await assert.rejects(changing, failsWith('unsupportedByHardware', /through the same BMC/));
  });

  for (const [missing, wrong] of Object.entries({
    ipmi_bridging: { ...single, ipmi_bridging: 'triple' },
    ipmi_target_channel: { ipmi_bridging: 'single', ipmi_target_address: 0x72 },
    ipmi_target_address: { ...single, ipmi_target_address: 'left' },
    ipmi_transit_address: { ...dual, ipmi_transit_address: null },
    ipmi_transit_channel: { ...dual, ipmi_transit_channel: 16 },
    ipmi_local_address: { ...dual, ipmi_local_address: 0 },
  })) {
    test(`checks ${missing}`, () => {
      assert.throws(() => readIpmiSettings(aNode(623, wrong)), failsWith('driverInfo', new RegExp(missing)));
      assert.ok(missing in ipmiProperties);
    });
  }
});

test("OpenIPMI's simulated controller behind its simulated BMC", { skip: withoutIpmiSim || withoutIpmitool }, async (t) => {
  const knowledge = simKnowledge();
  const behind = '\nmc_add 0x30 2 no-device-sdrs 0x98 0x10 1 0xa0 0x1291 0xf03\nmc_enable 0x30\n';
  const sim = await startIpmiSim({ ...knowledge, commands: knowledge.commands + behind });
  const driver = createIpmiDriver();
  t.after(async () => {
    await driver.close();
    await sim.close();
  });
  const node = aNode(sim.port, { ipmi_bridging: 'single', ipmi_target_channel: 0, ipmi_target_address: '0x30' });
  const management = driver.management as Required<ManagementInterface>;

  const [info, own] = [await management.bmcInfo(node), await management.bmcInfo(aNode(sim.port, {}))];

  const printed = await ipmitool({ port: sim.port, ...login, suite: 3, options: ['-b', '0', '-t', '0x30'] }, 'mc info');
  assert.match(printed.stdout, /Firmware Revision +: 16\.01\n(?:.*\n)*Product ID +: 3843/);
  assert.deepEqual([info['firmware_version'], info['product_id']], ['16.01', 3843]);
  assert.deepEqual([own['firmware_version'], own['product_id']], ['9.08', 3842]);
  await assert.rejects(
    driver.power.getPower(aNode(sim.port, { ...single, ipmi_target_address: '0x44' })),
    failsWith('bmcError', /no controller answers/),
  );
});
