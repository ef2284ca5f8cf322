/**
 * Recordings of real PDUs: LibreNMS keeps responses of its users' devices (`tests/snmpsim/*.snmprec`), which snmpsim
 * replays. The expected states were read from the recordings manually. A recording has only objects that LibreNMS
 * reads; if outlet states are missing, it only shows that the family is detected.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { startSnmpsim } from '#test/a-snmpsim.ts';
import { aNode } from '#test/a-task.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { createSnmpDriver, type SnmpDriver } from './index.ts';

const folder = process.env['REFEREE_PDU_RECORDINGS'] ?? '';
const skip = !existsSync(join(folder, 'apc_ap7900b.snmprec'))
  ? 'REFEREE_PDU_RECORDINGS names no folder with recordings of PDUs (LibreNMS, tests/snmpsim)'
  : (await isInstalled('snmpsimd'))
    ? false
    : 'snmpsimd is not installed';

type Recording = {
  readonly outlets: number;
  /** All others are on. */
  readonly off?: readonly number[];
  /** Index before the outlet if it is not the first unit. */
  readonly unit?: string;
  /** An outlet and its recorded object, to be written by a command. */
  readonly switches?: { readonly outlet: number; readonly oid: string; readonly on: number; readonly off: number };
};

const enterprise = '1.3.6.1.4.1';

const recordings: Record<string, Recording> = {
  apc_ap7900b: { outlets: 8, switches: { outlet: 8, oid: `${enterprise}.318.1.1.4.4.2.1.3.8`, on: 1, off: 2 } },
  apc_ap8959eu3: { outlets: 24, off: [23], switches: { outlet: 23, oid: `${enterprise}.318.1.1.4.4.2.1.3.23`, on: 1, off: 2 } },
  apc_apdu9959eu3: { outlets: 24 },
  apc_masterswitch2: { outlets: 8, off: [2, 3, 5] },
  atenpdu: { outlets: 16, switches: { outlet: 9, oid: `${enterprise}.21317.1.3.2.2.2.2.11.0`, on: 2, off: 1 } },
  cyberpower_pdu81005: { outlets: 8 },
  eatonpdu_2: { outlets: 24 },
  eatonpdu_dbq: { outlets: 20, switches: { outlet: 20, oid: `${enterprise}.534.6.6.6.1.2.2.1.3.19`, on: 1, off: 0 } },
  'gude-epc_1104': { outlets: 1 },
  'gude-epc_1202': { outlets: 4, off: [2], switches: { outlet: 2, oid: `${enterprise}.28507.43.1.3.1.2.1.3.2`, on: 1, off: 0 } },
  'gude-epc_8031': {
    outlets: 8,
    off: [1, 6, 7],
    switches: { outlet: 7, oid: `${enterprise}.28507.81.1.3.1.2.1.3.7`, on: 1, off: 0 },
  },
  'hpe-mapdu_pdu2': { outlets: 8, off: [1, 2, 3, 4, 5, 8] },
  'hpe-mapdu_pdu3': { outlets: 24 },
  'iboot_pdu8-2n15': { outlets: 8, off: [3, 4, 6, 7, 8] },
  liebert_mph2rg: { outlets: 16, off: [1, 2, 4, 5, 9, 10, 11, 12, 16], unit: '1.2.' },
  poweralert_pdu: { outlets: 24 },
  'wti-power': { outlets: 8 },
};

/** Devices that are not PDUs, or without recorded outlets: no state is invented. */
const others: Record<string, RegExp> = {
  'raritan-pdu': /no outlet 1, or is of another family/,
  'raritan-pdu_px3': /no outlet 1, or is of another family/,
  sentry3_switched: /no outlet 1, or is of another family/,
  sentry4_switched8i: /no outlet 1, or is of another family/,
  'vertiv-pdu_mn03edr1': /no outlet 1, or is of another family/,
  'dell-rpdu': /no outlet 1, or is of another family/,
  'enlogic-pdu_v2': /no outlet 1, or is of another family/,
  panduit_2: /no outlet 1, or is of another family/,
  'apc_smt750x-nmc2': /no outlet 1, or is of another family/,
  'eaton-mgeups_9px': /which is no PDU known here/,
  'hpe-ilo_4': /no outlet 1, or is of another family/,
  avocent_8000: /no outlet 1, or is of another family/,
  'geist-watchdog': /no outlet 1, or is of another family/,
};

suite('recorded PDUs', { skip }, () => {
  let driver: SnmpDriver;
  let port = 0;
  const cleanUp: (() => Promise<void>)[] = [];
  const powerOf = (name: string, outlet: string, more: JsonObject = {}) => {
    const info = { snmp_driver: 'auto', snmp_address: '127.0.0.1', snmp_port: port, snmp_version: '2c', snmp_community: name };
    return { ...aNode({ driver_info: { ...info, snmp_outlet: outlet, ...more } }), ports: [] };
  };

  before(async () => {
    const names = [...Object.keys(recordings), ...Object.keys(others)];
    const texts = await Promise.all(names.map(async (name) => [name, await readRecording(name)] as const));
    port = await startSnmpsim({ after: (work) => void cleanUp.push(work as () => Promise<void>) }, Object.fromEntries(texts));
    driver = createSnmpDriver();
  });
  after(async () => {
    await driver?.close();
    for (const work of cleanUp) await work();
  });

  for (const [name, { outlets, off = [], unit = '', switches }] of Object.entries(recordings)) {
    test(`${name}: finds each outlet and no others`, async () => {
      const numbers = Array.from({ length: outlets }, (_, at) => at + 1);
      const states = await Promise.all(numbers.map((outlet) => driver.power.getPower(powerOf(name, `${unit}${outlet}`))));
      const found = numbers.filter((_, at) => states[at] === 'power off');
      assert.deepEqual(found, off);
      await assert.rejects(driver.power.getPower(powerOf(name, `${unit}${outlets + 1}`)), {
        code: 'bmcUnsupported',
        message: new RegExp(`it has no outlet ${unit}${outlets + 1}`),
      });
    });

    if (!switches) continue;
    test(`${name}: switches an outlet by the recorded values`, async () => {
      const { outlet, oid, on, off: offValue } = switches;
      const node = powerOf(name, `${unit}${outlet}`);
      for (const version of ['1', '2c']) {
        const asked = { ...node, driver_info: { ...node.driver_info, snmp_version: version } };
        await driver.power.setPower(asked, 'power on');
        assert.equal(await driver.power.getPower(asked), 'power on', `${oid} = ${on}`);
        await driver.power.setPower(asked, 'power off');
        assert.equal(await driver.power.getPower(asked), 'power off', `${oid} = ${offValue}`);
      }
    });
  }

  for (const [name, message] of Object.entries(others)) {
    test(`${name}: invents no state`, async () => {
      const code = message.test('no outlet 1, or is of another family') ? 'bmcUnsupported' : 'driverInfo';
      await assert.rejects(driver.power.getPower(powerOf(name, '1')), { code, message });
    });
  }

  /** Keeps the identity and the vendor's objects; those that the test switches are writable. */
  async function readRecording(name: string): Promise<string> {
    const lines = (await readFile(join(folder, `${name}.snmprec`), 'utf8')).split('\n').map((line) => line.replace(/^\./, ''));
    // Some recordings have the identity as text.
    const typed = lines.map((line) => line.replace(/^(1\.3\.6\.1\.2\.1\.1\.2\.0)\|4\|\.?/, '$1|6|'));
    const kept = typed.filter(
      (line) => line.startsWith('1.3.6.1.2.1.1.2.0|') || /^1\.3\.6\.1\.4\.1\.[\d.]+\|(2|66)\|-?\d+$/.test(line),
    );
    const switched = recordings[name]?.switches?.oid;
    return `${kept.map((line) => (line.startsWith(`${switched}|`) ? line.replace(/\|2\|(.*)$/, '|2:writecache|value=$1') : line)).join('\n')}\n`;
  }
});
