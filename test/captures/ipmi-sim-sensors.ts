/** A BMC for OpenIPMI's simulator with a sensor of each formula: Ingot must decode its bytes as other programs do. */
import type { SimKnowledge } from './ipmi-sim.ts';

type SimSensor = {
  readonly name: string;
  /** Raw byte that the sensor shows. */
  readonly raw: number;
  readonly type?: number;
  readonly format?: 'unsigned' | '1s_complement' | '2s_complement';
  /** Number of table 43-1: sdrcomp's own names for the last four are one too high. */
  readonly linearization?: number;
  readonly factors?: { readonly m?: number; readonly b?: number; readonly rExp?: number; readonly bExp?: number };
  /** Numbers of table 43-15. */
  readonly unit?: number;
  readonly other?: { readonly unit: number; readonly how: 1 | 2 };
  readonly rate?: number;
  readonly percentage?: boolean;
  /** Upper non-recoverable to lower non-critical. */
  readonly thresholds?: readonly number[];
};

const units = { celsius: 1, volts: 4, amps: 5, watts: 6, cfm: 17, rpm: 18, bytes: 70 };

/** Each formula, each format, each kind of unit. */
export const sensorTable: readonly SimSensor[] = [
  { name: 'linear', raw: 0x60, thresholds: [0xa0, 0x90, 0x70, 2, 3, 4] },
  { name: 'ln', raw: 200, linearization: 1 },
  { name: 'log10', raw: 200, linearization: 2 },
  { name: 'log2', raw: 200, linearization: 3 },
  { name: 'e', raw: 30, linearization: 4, factors: { m: 1, rExp: -1 } },
  { name: 'exp10', raw: 30, linearization: 5, factors: { m: 1, rExp: -1 } },
  { name: 'exp2', raw: 30, linearization: 6, factors: { m: 1, rExp: -1 } },
  { name: 'reciprocal', raw: 80, linearization: 7, factors: { m: 2, rExp: -6 }, unit: units.rpm, type: 4 },
  { name: 'square', raw: 13, linearization: 8 },
  { name: 'cube', raw: 7, linearization: 9 },
  { name: 'square root', raw: 150, linearization: 10 },
  { name: 'cube root', raw: 150, linearization: 11 },
  { name: 'ln of nothing', raw: 0, linearization: 1 },
  { name: 'two minus', raw: 0xf6, format: '2s_complement' },
  { name: 'one minus', raw: 0xf6, format: '1s_complement' },
  { name: 'negative M', raw: 100, factors: { m: -3, b: 300 } },
  { name: 'wide factors', raw: 180, factors: { m: 500, b: -400, rExp: -3, bExp: 1 }, unit: units.volts, type: 2 },
  { name: 'narrow', raw: 33, factors: { m: 7, b: -512, rExp: -8, bExp: 2 }, unit: units.amps, type: 3 },
  { name: 'watts', raw: 77, factors: { m: 4 }, unit: units.watts, type: 11 },
  { name: 'percent', raw: 42, percentage: true, unit: 0, type: 11 },
  { name: 'rate', raw: 42, unit: units.bytes, rate: 3, type: 11 },
  { name: 'product', raw: 42, unit: units.watts, other: { unit: 24, how: 2 }, type: 11 },
  { name: 'quotient', raw: 42, unit: units.cfm, other: { unit: units.watts, how: 1 }, type: 11 },
  { name: 'on unit 0', raw: 3, thresholds: [0xa0, 0x90, 0x70, 2, 3, 4] },
];

/** Numbers of the sensors that are not in the table. */
export const otherSensors = { presence: 100, supply: 101, shared: 110, eventOnly: 120 } as const;

export function simKnowledge(): SimKnowledge {
  const records = [...sensorTable.map(describeFull), ...others].join('\n');
  const commands = [...sensorTable.map(commandsFor), otherCommands].join('\n');
  return { records, commands };
}

function describeFull(sensor: SimSensor, index: number): string {
  const { name, type = 1, format = 'unsigned', linearization = 0, factors = {}, unit = units.celsius } = sensor;
  const { m = 1, b = 0, rExp = 0, bExp = 0 } = factors;
  const { other, rate = 0, percentage = false, thresholds } = sensor;
  const readable = ['unr', 'uc', 'unc', 'lnr', 'lc', 'lnc'].map((key) => `${key}_thrsh_readable ${thresholds !== undefined}`);
  return `sdr type 1
  ${head(index + 1, index + 1)}
  sensor_type ${type}
  init_scanning true
  default_sensor_scan_on true
  event_reading_type_code 1
  sensor_threshold_access ${thresholds ? 1 : 0}
  ${readable.join('\n  ')}
  analog_data_format ${format}
  rate_unit ${rate}
  modifier_unit ${other?.how ?? 0}
  percentage ${percentage}
  base_unit ${unit}
  modifier_unit_code ${other?.unit ?? 0}
  linearization ${linearization}
  m ${m}
  b ${b}
  r_exp ${rExp}
  b_exp ${bExp}
  sensor_maximum 255
  sensor_minimum 0
  id_string "${name}"
endsdr`;
}

function head(number: number, instance: number): string {
  return `sensor_owner_id 0x20
  channel_number 0
  sensor_owner_lun 0
  sensor_number ${number}
  entity_id system_board
  entity_instance ${instance}`;
}

const states = [0, 1, 2, 3].map((offset) => `event${offset}_state_ret true\n  assert_event${offset} true`).join('\n  ');

const others = [
  `sdr type 2
  ${head(otherSensors.presence, 101)}
  sensor_type 0x0d
  event_reading_type_code 0x6f
  ${states}
  id_string "drive"
endsdr`,
  `sdr type 2
  ${head(otherSensors.supply, 102)}
  sensor_type 0x08
  event_reading_type_code 0x6f
  ${states}
  id_string "supply"
endsdr`,
  `sdr type 2
  ${head(otherSensors.shared, 103)}
  sensor_type 0x0c
  event_reading_type_code 0x6f
  ${states}
  id_string_modifier numeric
  share_count 3
  entity_instance_incr true
  instance_modifier_off 5
  id_string "DIMM slot x"
endsdr`,
  `sdr type 3
  ${head(otherSensors.eventOnly, 104)}
  sensor_type 0x13
  event_reading_type_code 0x6f
  id_string "interrupts"
endsdr`,
  `sdr type 0x11
  device_access_address 0x20
  fru_device_address 0
  logical_fru 1
  lun 0
  device_type 0x10
  device_type_modifier 0
  fru_entity_id system_board
  fru_entity_instance 1
  id_string "board"
endsdr`,
  `sdr type 18
  device_slave_address 0x20
  device_channel_number 0
  chassis true
  fru_inventory true
  sel true
  sdr true
  sensor true
  entity_id system_board
  entity_instance 1
  id_string "simulator"
endsdr`,
];

const noEvents = '000000000000000 000000000000000 000000000000000 000000000000000';

function commandsFor({ raw, type = 1, thresholds }: SimSensor, index: number): string {
  const number = index + 1;
  return [
    `sensor_add 0x20 0 ${number} ${type} 1`,
    ...(thresholds ? [`sensor_set_threshold 0x20 0 ${number} readable 111111 ${thresholds.join(' ')}`] : []),
    `sensor_set_event_support 0x20 0 ${number} enable scanning per-state ${noEvents}`,
    `sensor_set_value 0x20 0 ${number} ${raw} 0`,
  ].join('\n');
}

function discrete(number: number, type: number, offsets: readonly number[]): string {
  return [
    `sensor_add 0x20 0 ${number} ${type} 0x6f`,
    `sensor_set_event_support 0x20 0 ${number} enable scanning per-state ${noEvents}`,
    ...offsets.map((offset) => `sensor_set_bit 0x20 0 ${number} ${offset} 1 0`),
  ].join('\n');
}

/** FRU data: built manually from the FRU Information Storage Definition 1.2; six-bit, BCD plus and 8-bit texts. */
export const fruBytes = Buffer.concat([
  closed(Buffer.of(1, 0, 1, 4, 8, 0, 0)),
  area(Buffer.concat([Buffer.of(1, 3, 0x11), text('CH-1'), Buffer.of(0x44, 0x12, 0x3a, 0x45, 0xc6), Buffer.of(0xc1)]), 24),
  area(
    Buffer.concat([
      Buffer.of(1, 4, 25, 0x60, 0x5a, 0xd2),
      text('Acme'),
      Buffer.of(0x83, 0x64, 0xc9, 0xb2),
      text('S/N 7'),
      text(''),
      text(''),
      text('extra'),
      Buffer.of(0xc1),
    ]),
    32,
  ),
  area(
    Buffer.concat([
      Buffer.of(1, 5, 25),
      text('Acme'),
      text('Box'),
      text('PN9'),
      text('v2'),
      text('SN123'),
      text('tag'),
      text(''),
      Buffer.of(0xc1),
    ]),
    40,
  ),
]);

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(0xc0 | value.length), Buffer.from(value, 'latin1')]);
}

function area(bytes: Buffer, size: number): Buffer {
  return closed(Buffer.concat([bytes], size - 1));
}

function closed(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.of(-bytes.reduce((sum, byte) => sum + byte, 0) & 0xff)]);
}

const otherCommands = `${discrete(otherSensors.presence, 0x0d, [0, 1])}
${discrete(otherSensors.supply, 0x08, [0])}
${[0, 1, 2].map((index) => discrete(otherSensors.shared + index, 0x0c, index === 1 ? [6, 1] : [6])).join('\n')}
sensor_add 0x20 0 ${otherSensors.eventOnly} 0x13 0x6f event-only
mc_add_fru_data 0x20 0 ${fruBytes.length} data ${[...fruBytes].join(' ')}
sel_add 0x20 2 0 0 0 0x60 0x20 0 4 1 1 1 0x57 0x75 0x70
sel_add 0x20 2 0 0 0 0x60 0x20 0 4 0x13 ${otherSensors.eventOnly} 0x6f 0xa4 0 1
sel_add 0x20 2 0 0 0 0x60 0x20 0 4 0x0d ${otherSensors.presence} 0xef 0x01 0xff 0xff
sel_add 0x20 2 9 0 0 0 0x41 0 4 0x0f 7 0x6f 0xc2 0x13 0xff
sel_add 0x20 0xc5 0 0 0 0x60 1 2 3 4 5 6 7 8 9
sel_add 0x20 0xe1 1 2 3 4 5 6 7 8 9 10 11 12 13`;
