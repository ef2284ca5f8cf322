/** BMC behaviour from issue reports, replayed by the virtual BMC. docs/compatibility.md has the rows. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { type Answering, startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { faultOf } from '#test/fault-of.ts';
import { getDeviceId, setSessionPrivilege } from '#wire/ipmi/app-commands.ts';
import {
  bootParameters,
  chassisActions,
  chassisControl,
  chassisIdentify,
  getBootOptions,
  setBootOptions,
} from '#wire/ipmi/chassis-commands.ts';
import type { AnyCommand } from '#wire/ipmi/command.ts';
import type { Request } from '#wire/ipmi/message.ts';
import { getSensorReading } from '#wire/ipmi/sensor-commands.ts';
import { getSelInfo } from '#wire/ipmi/storage-commands.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';

/** No retransmissions, even on a slow machine; a busy BMC is retried soon. */
const timings = { ...defaultTimings, firstWait: 50, shortestWait: 10_000, longestWait: 10_000, singleWait: 10_000 };

async function setUp(t: TestContext, answering: Answering = () => undefined) {
  const users = [
    { name: 'admin', password: 'secret' },
    { name: 'op', password: 'secret', privilege: 'operator' },
  ] as const;
  const chassis = createMemoryChassis();
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, answering });
  const driver = createIpmiDriver({ timings });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const node = (changes: JsonObject = {}): NodeFacts => {
    const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
    const driver_info = { ...info, ...changes };
    return { id: 1, uuid, name: 'n1', driver: 'ipmi', driver_info, properties: {}, extra: {}, power_state: null, ports: [] };
  };
  return { bmc, chassis, driver, node };
}

const refusal = (completion: number) => ({ completion, data: Buffer.alloc(0) });
const asks = (row: Pick<AnyCommand, 'netFn' | 'command'>, { netFn, command }: Request) =>
  netFn === row.netFn && command === row.command;

suite('skips a sensor that cannot be read', () => {
  // C0h: https://github.com/facebook/OpenBIC/issues/90; CBh: https://github.com/xcat2/confluent/pull/277
  for (const completion of [0xc0, 0xff, 0xcb, 0xd5]) {
    test(`when the BMC replies ${completion.toString(16)}h`, async (t) => {
      const asked: number[] = [];
      const { driver, node } = await setUp(t, (request) => {
        if (!asks(getSensorReading, request)) return undefined;
        const [number = 0] = request.data;
        asked.push(number);
        return number === asked[0] ? refusal(completion) : undefined;
      });
      await driver.power.setPower(node(), 'power on');
      const sensors = await driver.management.readSensors!(node());
      assert.equal(sensors[0]?.value, null);
      assert.equal(sensors[0]?.status, 'unknown');
      assert.ok(sensors.filter(({ value }) => value !== null).length > 3, 'the others are read');
      assert.ok(asked.filter((number) => number === asked[0]).length <= 2, 'it is not asked for ever');
    });
  }

  test('but reports a BMC that is initializing as not ready', async (t) => {
    const { driver, node } = await setUp(t, (request) => (asks(getSensorReading, request) ? refusal(0xd2) : undefined));
    assert.equal((await faultOf(driver.management.readSensors!(node()))).code, 'bmcNotReady');
  });
});

// https://github.com/siderolabs/sidero/issues/145, https://github.com/bmc-toolbox/bmclib/pull/417
suite('a power command that the BMC rejects in the present state (D5h)', () => {
  /** Refuses commands that change nothing, and resets of a machine that is off. */
  const refusing = async (t: TestContext) => {
    const fixture = await setUp(t, (request) => {
      if (!asks(chassisControl, request)) return undefined;
      const [action] = request.data;
      const isOn = fixture.chassis.power() === 'on';
      const isStart = action === chassisActions['power up'];
      return isStart === isOn ? refusal(0xd5) : undefined;
    });
    return fixture;
  };

  for (const target of ['power off', 'soft power off'] as const) {
    test(`${target} of a machine that is off succeeds`, async (t) => {
      const { driver, node } = await refusing(t);
      await driver.power.setPower(node(), target);
      assert.equal(await driver.power.getPower(node()), 'power off');
    });
  }

  for (const target of ['reset', 'power cycle'] as const) {
    test(`${target} of a machine that is off switches it on`, async (t) => {
      const { driver, node } = await refusing(t);
      await driver.power.setPower(node(), target);
      assert.equal(await driver.power.getPower(node()), 'power on');
    });
  }

  test('and any other rejection is reported', async (t) => {
    const { driver, node } = await setUp(t, (request) => (asks(chassisControl, request) ? refusal(0xd5) : undefined));
    const { code, message } = await faultOf(driver.power.setPower(node(), 'power on'));
    assert.equal(code, 'bmcError');
    assert.match(message, /D5h/);
  });
});

// https://github.com/kubevirtbmc/kubevirtbmc/pull/234
test('boot flags that cannot be read give an unknown boot device', async (t) => {
  const { driver, node } = await setUp(t, (request) => (asks(getBootOptions, request) ? refusal(0x80) : undefined));
  await driver.management.setBootDevice(node(), 'pxe', { persistent: false });
  assert.deepEqual(await driver.management.getBootDevice(node()), { device: null, persistent: null });
});

// https://github.com/xcat2/xcat-core/issues/7511: an XCC 3 (OpenBMC) that refuses "set in progress" (81h).
test('sets a boot device without the flag that some BMCs reject', async (t) => {
  const { driver, node, chassis } = await setUp(t, (request) => {
    const isMark = asks(setBootOptions, request) && request.data[0] === 0;
    return isMark ? refusal(0x81) : undefined;
  });
  await driver.management.setBootDevice(node(), 'pxe', { persistent: false });
  await driver.power.setPower(node(), 'power on');
  assert.equal(chassis.boots[0]?.device, 'pxe');
});

// https://storyboard.openstack.org/#!/story/2008241: Supermicro's firmware ignores 08h in UEFI mode, and takes 24h.
suite('sets the disk as boot device of Supermicro boards', () => {
  const settingDisk = async (t: TestContext, { manufacturer = 10_876, refused = 0 }) => {
    const reported: number[] = [];
    let flags: Uint8Array = Buffer.alloc(5);
    const id = Buffer.from([0x20, 1, 3, 0x88, 2, 0xbf, 0, 0, 0, 0x1d, 9, 0, 0, 0, 0]);
    id.writeUIntLE(manufacturer, 6, 3);
    const { driver, node } = await setUp(t, (request) => {
      const { bootFlags } = bootParameters;
      if (asks(getDeviceId, request)) return { completion: 0, data: id };
      if (asks(getBootOptions, request)) return { completion: 0, data: Buffer.from([1, bootFlags, ...flags]) };
      if (!asks(setBootOptions, request) || request.data[0] !== bootFlags) return undefined;
      const [device = 0] = request.data.subarray(2);
      reported.push(device);
      if (device === refused) return refusal(0xcc);
      flags = request.data.subarray(1);
      return { completion: 0, data: Buffer.alloc(0) };
    });
    return { reported, driver, node };
  };

  for (const [title, { mode, expected, ...options }] of Object.entries({
    'in UEFI mode': { mode: 'uefi', expected: [0x24] },
    'in UEFI mode, of older ones': { manufacturer: 47_488, mode: 'uefi', expected: [0x24] },
    'in UEFI mode, of one that goes by the specification': { refused: 0x24, mode: 'uefi', expected: [0x24, 0x08] },
    'in BIOS mode': { mode: 'bios', expected: [0x08] },
    'of another maker': { manufacturer: 674, mode: 'uefi', expected: [0x08] },
  } as const)) {
    test(title, async (t) => {
      const { reported, driver, node } = await settingDisk(t, options);
      await driver.management.setBootDevice(node(), 'disk', { persistent: true, mode });
      assert.deepEqual(reported, expected);
      assert.deepEqual(await driver.management.getBootDevice(node()), { device: 'disk', persistent: true });
    });
  }
});

// https://github.com/openbmc/phosphor-host-ipmid/issues/126
test('ignores trailing bytes of a reply', async (t) => {
  const extra = { completion: 0, data: Buffer.of(0, 0) };
  const { driver, node } = await setUp(t, (request) => (asks(chassisIdentify, request) ? extra : undefined));
  await driver.management.setIndicator!(node(), 'on');
});

// https://github.com/xcat2/xcat-core/issues/7512: firmware that supports cipher suite 17 only.
test('uses the newer cipher suite with a BMC that lacks the older one', async (t) => {
  const { driver, node, bmc } = await setUp(t);
  bmc.setBmcProfile({ cipherSuites: [17] });
  assert.equal(await driver.power.getPower(node()), 'power off');
});

// https://github.com/warewulf/warewulf/issues/656, https://github.com/bougou/go-ipmi/issues/38
suite('an account that has less than the administrator', () => {
  test('gets advice to request a lower privilege', async (t) => {
    const { driver, node } = await setUp(t);
    const { code, message } = await faultOf(driver.power.getPower(node({ ipmi_username: 'op' })));
    assert.equal(code, 'bmcInsufficientPrivilege');
    assert.match(message, /less than ADMINISTRATOR needs ipmi_priv_level, such as OPERATOR/);
    assert.equal(await driver.power.getPower(node({ ipmi_username: 'op', ipmi_priv_level: 'OPERATOR' })), 'power off');
  });

  test('gets it also if the BMC rejects the privilege after the session is open', async (t) => {
    const { driver, node } = await setUp(t, (request) => (asks(setSessionPrivilege, request) ? refusal(0x81) : undefined));
    const { message } = await faultOf(driver.power.getPower(node()));
    assert.match(message, /beyond the limit.*needs ipmi_priv_level, such as OPERATOR/);
    assert.equal(await driver.power.getPower(node({ ipmi_priv_level: 'USER' })), 'power off');
  });
});

// https://github.com/facebook/openbmc/issues/273
test('reads a log with fewer entries than it counts, and records that', async (t) => {
  const notices: string[] = [];
  const info = Buffer.from([0x51, 129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  const { driver, node } = await setUp(t, (request) => (asks(getSelInfo, request) ? { completion: 0, data: info } : undefined));
  await driver.power.setPower(node(), 'power on');
  await driver.management.readLog!(node(), { notice: (reported) => notices.push(reported) });
  assert.match(notices.join(), /^the event log has 129 entries and gives \d+$/);
});
