/**
 * Bytes of real BMCs, recorded by other projects: our driver and the reference tools read them and must agree. The
 * recordings are not part of this repository; the readme lists their sources.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { columns, freeipmi, ipmitool, sensorAsPrinted, sensorColumns, withoutFreeipmi } from '#test/captures/ipmi-tools.ts';
import { Recording, readExchanges } from '#test/captures/recorded-bmc.ts';
import { runProgram } from '#test/captures/run-program.ts';
import { ByteReader } from '#wire/bytes/reader.ts';
import { findCommand } from '#wire/ipmi/commands.ts';
import { encodeRequest, encodeResponse } from '#wire/ipmi/message.ts';
import type { ManagementInterface, NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';

const folder = process.env['REFEREE_IPMI_RECORDINGS'] ?? process.env['INGOT_IPMI_RECORDINGS'];
const at = (path: string) => join(folder ?? '/nonexistent', path);
const without = (path: string) =>
  !folder
    ? 'REFEREE_IPMI_RECORDINGS names no folder with recordings of real BMCs (src/drivers/ipmi/readme.md)'
    : !existsSync(at(path)) && `there is no ${path} in the folder that REFEREE_IPMI_RECORDINGS names`;

const login = { user: 'admin', password: 'secret', suite: 3 };

type Fixture = {
  readonly management: Required<ManagementInterface>;
  readonly node: NodeFacts;
  one(command: string): Promise<string>;
  other(command: string): Promise<string>;
};

/** The virtual BMC replays the real one's responses. */
async function setUp(t: TestContext, recording: Recording): Promise<Fixture> {
  const bmc = await startBmc({
    address: '127.0.0.1',
    port: 0,
    users: [{ name: login.user, password: login.password }],
    chassis: createMemoryChassis(),
    answering: recording.answering,
  });
  const driver = createIpmiDriver();
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const driver_info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0009';
  const node = {
    id: 1,
    uuid,
    name: 'recorded',
    driver: 'ipmi',
    driver_info,
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  };
  const tool = { port: bmc.port, ...login };
  return {
    management: driver.management as Required<ManagementInterface>,
    node,
    one: async (command) => (await ipmitool(tool, command)).stdout,
    other: async (command) => (await freeipmi(tool, command)).stdout,
  };
}

const capture = 'ipmi4j/src/misc/ipmi-lanplus-enc0.tcpdump';

suite('a session of ipmitool with a real BMC', { skip: without(capture) || withoutIpmitool }, () => {
  test('decodes each message and encodes it to the same bytes', async () => {
    const exchanges = await readExchanges(at(capture));

    assert.ok(exchanges.length > 300);
    for (const { request, response, messages } of exchanges) {
      const row = findCommand(request.netFn, request.command);
      if (row) row.request.read(new ByteReader(Buffer.from(request.data)));
      if (row && response.completion === 0) row.response.read(new ByteReader(Buffer.from(response.data)));
      assert.equal(encodeRequest(request).toString('hex'), messages[0]?.toString('hex'));
      assert.equal(encodeResponse(response).toString('hex'), messages[1]?.toString('hex'));
    }
  });

  test('reads its sensors as ipmitool does', async (t) => {
    const { management, node, one } = await setUp(t, await Recording.ofCapture(at(capture)));

    const sensors = await management.readSensors(node);
    const printed = columns(await one('sensor'));

    const numbers = new Map(sensors.filter(({ unit }) => unit !== null).map((sensor) => [sensor.name, sensor]));
    const expected = printed.filter(([name = '']) => numbers.has(name));
    assert.ok(expected.length > 10, `${expected.length} sensors with numbers`);
    for (const row of expected) assert.deepEqual(sensorAsPrinted(numbers.get(row[0] ?? '')), sensorColumns(row), String(row[0]));
    assert.deepEqual(sensors.map(({ name }) => name).sort(), printed.map(([name = '']) => name).sort());
  });

  test('reads its FRU devices', async (t) => {
    const { management, node, one } = await setUp(t, await Recording.ofCapture(at(capture)));

    const { details } = await management.identify(node);

    const printed = await one('fru print');
    const [own] = details['devices'] as FruDescription[];
    assert.deepEqual(ours(own), printedByIpmitool(printed.split('\n\n')[0] ?? ''));
  });

  test('reads its identity', async (t) => {
    const { management, node, one } = await setUp(t, await Recording.ofCapture(at(capture)));

    const info = await management.bmcInfo(node);

    const of = (text: string, label: string) => new RegExp(`^${label} +: (.*)$`, 'm').exec(text)?.[1]?.trim();
    const identity = await one('mc info');
    assert.equal(info['firmware_version'], of(identity, 'Firmware Revision'));
    assert.equal(String(info['manufacturer_id']), of(identity, 'Manufacturer ID'));
    assert.equal(info['ipmi_version'], of(identity, 'IPMI Version'));
    const lan = info['lan'] as Record<string, unknown>;
    const printed = await one('lan print 1');
    assert.equal(lan['address'], of(printed, 'IP Address'));
    assert.equal(lan['netmask'], of(printed, 'Subnet Mask'));
    assert.equal(lan['gateway'], of(printed, 'Default Gateway IP'));
    assert.equal(lan['mac'], of(printed, 'MAC Address'));
    assert.equal((lan['cipher_suites'] as number[]).join(','), of(printed, 'RMCP\\+ Cipher Suites'));
  });
});

/** Real FRU images, and images generated by tools of other projects. */
const imageTable: readonly string[] = [
  'python-ipmi/tests/fru_bin/fru_supermicro_x11scz-f.bin',
  'python-ipmi/tests/fru_bin/kontron_am4010.bin',
  'python-ipmi/tests/fru_bin/kontron_am4904.bin',
  'python-ipmi/tests/fru_bin/vadatech_utc017.bin',
  'frubin/fru.bin',
  'frubin/fru_tmp.bin',
  ...['all', 'board', 'chassis', 'empty', 'product'].map((name) => `fru-tool/tests/basic-${name}.bin`),
  'fru-tool/tests/checksum-zero.bin',
];

for (const image of imageTable) {
  suite(`the FRU image ${image}`, { skip: without(image) || withoutIpmitool || withoutFreeipmi }, () => {
    test('our driver, ipmitool and ipmi-fru read the same', async (t) => {
      const { management, node, one } = await setUp(t, await Recording.ofFruImage(at(image)));

      const { details } = await management.identify(node);

      const [own] = details['devices'] as FruDescription[];
      const file = await runProgram('/usr/sbin/ipmi-fru', [`--fru-file=${at(image)}`]);
      assert.deepEqual(ours(own), printedByIpmitool(await one('fru print 0')), 'ipmitool');
      assert.deepEqual(ours(own), printedByFreeipmi(file.stdout), 'ipmi-fru');
    });
  });
}

type FruDescription = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/**
 * Labels of ipmitool and of ipmi-fru, mapped to our names. Both name the chassis types differently and number custom
 * texts in their own way.
 */
const labelTable: readonly (readonly [ours: string, ipmitool: string, freeipmi: string])[] = [
  ['chassis.part_number', 'Chassis Part Number', 'Chassis Part Number'],
  ['chassis.serial', 'Chassis Serial', 'Chassis Serial Number'],
  ['board.manufacturer', 'Board Mfg', 'Board Manufacturer'],
  ['board.product', 'Board Product', 'Board Product Name'],
  ['board.serial', 'Board Serial', 'Board Serial Number'],
  ['board.part_number', 'Board Part Number', 'Board Part Number'],
  ['product.manufacturer', 'Product Manufacturer', 'Product Manufacturer Name'],
  ['product.product', 'Product Name', 'Product Name'],
  ['product.part_number', 'Product Part Number', 'Product Part/Model Number'],
  ['product.version', 'Product Version', 'Product Version'],
  ['product.serial', 'Product Serial', 'Product Serial Number'],
  ['product.asset_tag', 'Product Asset Tag', 'Product Asset Tag'],
];

type Texts = Record<string, string>;

function ours(device: FruDescription | undefined): Texts {
  const texts: Texts = {};
  for (const [name] of labelTable) {
    const [area = '', field = ''] = name.split('.');
    const value = device?.[area]?.[field];
    if (typeof value === 'string') texts[name] = value;
  }
  for (const area of ['chassis', 'board', 'product']) {
    const custom = device?.[area]?.['custom'];
    if (Array.isArray(custom)) texts[`${area}.custom`] = custom.join('|');
  }
  return texts;
}

const printedByIpmitool = (text: string) => byLabel(text, { column: 1, prefix: '', custom: (area) => `${area} Extra` });
const printedByFreeipmi = (text: string) => byLabel(text, { column: 2, prefix: 'FRU ', custom: (area) => `${area} Custom Info` });

function byLabel(
  text: string,
  { column, prefix, custom }: { column: 1 | 2; prefix: string; custom(area: string): string },
): Texts {
  const lines = text.split('\n').flatMap((line) => {
    const [, label = '', value = ''] = /^ *([^:]+?) *: (.*)$/.exec(line) ?? [];
    return label.startsWith(prefix) && value.trim() !== '' ? [[label.slice(prefix.length), value.trim()] as const] : [];
  });
  const texts: Texts = {};
  for (const row of labelTable) {
    const found = lines.find(([label]) => label === row[column]);
    if (found) texts[row[0]] = found[1];
  }
  for (const area of ['Chassis', 'Board', 'Product']) {
    const values = lines.filter(([label]) => label === custom(area)).map(([, value]) => value);
    if (values.length > 0) texts[`${area.toLowerCase()}.custom`] = values.join('|');
  }
  return texts;
}

/** Firmware responses of five vendors, each to a request without data. */
const zoo = 'zipmi/tests/golden/zoo';

for (const name of ['idrac9', 'idrac10', 'megarac-hpe', 'nvidia-obmc', 'openbmc', 'supermicro-x14']) {
  const path = `${zoo}/${name}.json`;
  test(`reads the replies of the firmware ${name}`, { skip: without(path) }, async () => {
    const { fixtures } = JSON.parse(await readFile(at(path), 'utf8')) as { fixtures: Record<string, Answer> };

    const granted = Object.values(fixtures).filter(({ cc }) => cc === 0);
    const known = granted.filter(({ netfn, cmd }) => findCommand(netfn, cmd));

    assert.ok(known.length >= 4);
    for (const { netfn, cmd, response_hex } of known) {
      const row = findCommand(netfn, cmd);
      assert.ok(row?.response.read(new ByteReader(Buffer.from(response_hex, 'hex'))) !== null);
    }
  });
}

type Answer = { readonly netfn: number; readonly cmd: number; readonly cc: number; readonly response_hex: string };
