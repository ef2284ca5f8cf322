/** The virtual BMC's data, read by ipmitool and FreeIPMI: both agree with the board, and with each other. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { type BmcLogin, columns, freeipmi, ipmitool, withoutFreeipmi } from '#test/captures/ipmi-tools.ts';
import { type Bmc, startBmc } from './bmc.ts';
import { createMemoryChassis } from './memory-chassis.ts';

type Fixture = {
  readonly bmc: Bmc;
  readonly login: BmcLogin;
  /** The output of ipmitool, and of one of FreeIPMI's programs. */
  one(command: string): Promise<string>;
  other(command: string): Promise<string>;
};

/** Run in sequence on one BMC. */
const checks: readonly [string, (fixture: Fixture) => Promise<void>][] = [
  [
    'sensors and their thresholds',
    async ({ bmc, one, other }) => {
      const printed = new Map(columns(await one('sensor')).map((row) => [row[0], row]));
      const listed = columns(await other('ipmi-sensors --output-sensor-thresholds --shared-sensors --no-header-output'));

      const analog = bmc.bmcModel.sensors.filter((sensor) => sensor.kind === 'analog');
      // FreeIPMI omits readings of non-linear sensors.
      const linear = analog.filter(({ formula }) => formula !== 'factors');
      for (const { name } of linear) {
        const [, reading, , , ...thresholds] = printed.get(name) ?? [];
        const row = listed.find(([, listedName]) => listedName === name) ?? [];
        const [seen, expected] = [
          [...row.slice(5, 11), row[3]],
          [...thresholds.slice(0, 6), reading],
        ];
        assert.ok(
          seen.every((cell, at) => sayTheSame(cell, expected[at])),
          `${name}: ${seen} and ${expected}`,
        );
      }
      const drives = listed.filter(([, name]) => name?.startsWith('Drive'));
      assert.deepEqual(
        drives.map(([, name, type, , , , , , , , , states]) => [name, type, states]),
        ['0', '1', '2', '3'].map((slot) => [`Drive ${slot}`, 'Drive Slot', "'Drive Presence'"]),
      );
    },
  ],
  [
    'a non-linear sensor, whose factors ipmitool asks for',
    async ({ bmc, one }) => {
      bmc.bmcModel.force('PSU2 Power', 190);
      assert.match(await one('sdr elist full'), /PSU2 Power +\| 0Bh \| ok +\| +\S+ \| 190 Watts/);
    },
  ],
  [
    'events',
    async ({ bmc, one, other }) => {
      bmc.bmcModel.force('CPU1 Temp', 97);
      await other('ipmipower --pulse');
      await one('power reset');

      const listed = columns(await other('ipmi-sel --no-header-output')).map(([id, , , name, type, event]) => [
        id,
        name,
        type,
        event,
      ]);
      assert.deepEqual(listed, [
        ['1', 'CPU1 Temp', 'Temperature', listed[0]?.[3]],
        ['2', 'CPU1 Temp', 'Temperature', listed[1]?.[3]],
        ['3', 'Critical IRQ', 'Critical Interrupt', 'Front Panel NMI/Diagnostic Interrupt'],
        ['4', 'System Boot', 'System Boot Initiated', 'Initiated by hard reset'],
      ]);
      assert.match(String(listed[1]?.[3]), /^Upper Critical - going high ; Sensor Reading = 97.00 C ; Threshold = 95.00 C$/);
      const printed = await one('sel elist');
      assert.match(printed, /CPU1 Temp \| Upper Critical going high \| Asserted \| Reading 97 > Threshold 95 degrees C/);
      assert.match(printed, /Critical IRQ \| NMI\/Diag Interrupt \| Asserted/);
    },
  ],
  [
    'the log is erased by the one, and empty for the other',
    async ({ bmc, one, other }) => {
      await one('sel clear');
      assert.equal((await other('ipmi-sel --no-header-output')).trim(), '');
      bmc.bmcModel.force('CPU1 Temp', 50);
      await other('ipmi-sel --clear');
      assert.match(await one('sel info'), /Entries +: 0/);
    },
  ],
  [
    'what the machine is',
    async ({ bmc, one, other }) => {
      const { serial, product, partNumber } = bmc.bmcModel.identity;
      const printed = await one('fru print');
      const listed = await other('ipmi-fru');
      for (const text of [
        `Product Name          : ${product}`,
        `Product Serial        : ${serial}`,
        `Chassis Part Number   : ${partNumber}`,
      ]) {
        assert.ok(printed.includes(text), text);
      }
      for (const text of [
        `FRU Product Name: ${product}`,
        `FRU Product Serial Number: ${serial}`,
        `FRU Chassis Part Number: ${partNumber}`,
      ]) {
        assert.ok(listed.includes(text), text);
      }
    },
  ],
  [
    'what the BMC is',
    async ({ bmc, one, other }) => {
      assert.match(await one('mc info'), /Firmware Revision +: 1.07/);
      assert.match(await other('bmc-info --get-device-id'), /Firmware Revision +: 1.07/);
      assert.match(await one('mc guid'), new RegExp(bmc.bmcModel.identity.uuid));
      assert.match(await one('mc selftest'), /passed/);
      assert.match(await other('bmc-device --get-self-test-results'), /No Error/);
    },
  ],
  [
    'the identify light',
    async ({ bmc, one, other }) => {
      await one('chassis identify force');
      assert.equal(bmc.bmcModel.indicator, 'on');
      assert.match(await other('ipmi-chassis --get-status'), /Chassis Identify state +: Indefinite on/);
      await other('ipmi-chassis --chassis-identify TURN-OFF');
      assert.equal(bmc.bmcModel.indicator, 'off');
    },
  ],
  [
    'LAN settings',
    async ({ bmc, one }) => {
      await one('lan set 1 ipaddr 10.1.2.3');
      await one('lan set 1 netmask 255.255.0.0');
      await one('lan set 1 defgw ipaddr 10.1.0.1');
      await one('lan set 1 vlan id 7');

      const printed = await one('lan print 1');

      const { address, mask, gateway } = bmc.bmcModel.lan;
      assert.deepEqual([address, mask, gateway], ['10.1.2.3', '255.255.0.0', '10.1.0.1']);
      for (const line of [
        /IP Address +: 10.1.2.3/,
        /Subnet Mask +: 255.255.0.0/,
        /Default Gateway IP +: 10.1.0.1/,
        /VLAN ID +: 7/,
      ]) {
        assert.match(printed, line);
      }
    },
  ],
  [
    'users',
    async ({ bmc, one, login }) => {
      await one('user set password 3 another-word');
      assert.equal(bmc.bmcModel.users[1]?.password, 'another-word');
      await one('user set password 3 exactly-twenty-bytes 20');
      const asOperator = { ...login, user: 'op', password: 'exactly-twenty-bytes' };
      assert.match((await ipmitool(asOperator, '-L OPERATOR power status')).stdout, /on/);
      await one('user priv 3 2 1');
      assert.equal(bmc.bmcModel.users[1]?.privilege, 'user');
      await one('user set name 3 watcher');
      assert.match(await one('user list 1'), /3 +watcher .* USER/);
    },
  ],
  [
    'a reset of the BMC',
    async ({ bmc, one, other, login }) => {
      const warm = nextReset(bmc);
      await ipmitool(login, 'mc reset warm');
      assert.equal(await warm, 'warm');
      const cold = nextReset(bmc);
      await freeipmi(login, 'bmc-device --session-timeout=3000 --retransmission-timeout=1000 --cold-reset');
      assert.equal(await cold, 'cold');
      assert.equal(bmc.sessionCount, 0);
      assert.match(await one('power status'), /on/);
      assert.match(await other('ipmipower --stat'), /: on/);
    },
  ],
];

for (const cipherSuite of [3, 17]) {
  suite(`ipmitool and FreeIPMI, cipher suite ${cipherSuite}`, { skip: withoutIpmitool || withoutFreeipmi }, () => {
    let fixture: Fixture;
    let cache: string;
    before(async () => {
      cache = await mkdtemp(join(tmpdir(), 'ingot-freeipmi-'));
      fixture = await setUp(cipherSuite, cache);
    });
    after(async () => {
      await fixture?.bmc.close();
      await rm(cache, { recursive: true });
    });
    for (const [name, check] of checks) test(name, () => check(fixture));
  });
}

async function setUp(cipherSuite: number, cache: string): Promise<Fixture> {
  const chassis = { ...createMemoryChassis('on'), injectNmi() {} };
  const users = [
    { name: 'admin', password: 'secret' },
    { name: 'op', password: 'op', privilege: 'operator' },
  ] as const;
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis });
  // Readings are frozen, so that two programs see the same.
  for (const sensor of bmc.bmcModel.sensors) if (sensor.kind === 'analog') bmc.bmcModel.force(sensor.name, sensor.read());
  const login = { port: bmc.port, user: 'admin', password: 'secret', suite: cipherSuite };
  return {
    bmc,
    login,
    one: async (command) => succeeded(command, await ipmitool(login, command)),
    other: async (command) => {
      const keepsRecords = /^ipmi-(sensors|sel|fru)/.test(command);
      return succeeded(command, await freeipmi(login, command, keepsRecords ? cache : undefined));
    },
  };
}

/** A BMC that is reset answers first: what comes next could still meet the reset. */
function nextReset({ bmcModel }: Fixture['bmc']): Promise<'warm' | 'cold'> {
  const { promise, resolve } = Promise.withResolvers<'warm' | 'cold'>();
  const forget = bmcModel.onReset((kind) => {
    forget();
    resolve(kind);
  });
  return promise;
}

/** `97.000` equals `97`, and `0.385` equals `0.38`: one rounds, the other truncates. `na` and `N/A` mean no reading. */
function sayTheSame(cell: string | undefined, other: string | undefined): boolean {
  const [value, expected] = [Number(cell ?? Number.NaN), Number(other ?? Number.NaN)];
  return Math.abs(value - expected) < 0.01 || (Number.isNaN(value) && Number.isNaN(expected));
}

function succeeded(command: string, { code, stdout, stderr }: { code: number; stdout: string; stderr: string }): string {
  assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
  return stdout;
}
