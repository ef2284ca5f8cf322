/** The sensors of a typical server: values that follow the machine's power and vary a little, computed on read. */
import type { AnalogSensor, BmcModelSensor, DiscreteSensor, ThresholdName } from './bmc-model.ts';

/** Inputs of the values. Times in milliseconds since 1970. */
export type Surroundings = { on(): boolean; switchedAt(): number; now(): number };

type AnalogRow = {
  readonly name: string;
  readonly type: AnalogSensor['type'];
  readonly unit: AnalogSensor['unit'];
  /** The steady value while the machine is off (null = not readable) and while it is on. */
  readonly off: number | null;
  readonly on: number;
  /** Amplitude of the wave. */
  readonly swing: number;
  readonly thresholds: Partial<Record<ThresholdName, number>>;
  readonly formula?: AnalogSensor['formula'];
};

const hot = { unc: 85, uc: 95, unr: 105 };
const fan = { lnr: 500, lc: 800, lnc: 1200 };

const analogTable: readonly AnalogRow[] = [
  { name: 'Inlet Temp', type: 'temperature', unit: '°C', off: 22, on: 24, swing: 1.5, thresholds: { lc: -5, unc: 40, uc: 47 } },
  { name: 'CPU1 Temp', type: 'temperature', unit: '°C', off: null, on: 54, swing: 6, thresholds: hot },
  { name: 'CPU2 Temp', type: 'temperature', unit: '°C', off: null, on: 51, swing: 6, thresholds: hot },
  { name: 'FAN1', type: 'fan', unit: 'rpm', off: null, on: 5600, swing: 500, thresholds: fan },
  { name: 'FAN2', type: 'fan', unit: 'rpm', off: null, on: 5500, swing: 500, thresholds: fan },
  {
    name: 'FAN3 Tach',
    type: 'fan',
    unit: 'rpm',
    off: null,
    on: 9000,
    swing: 900,
    thresholds: { lc: 4000 },
    formula: 'reciprocal',
  },
  {
    name: '12V',
    type: 'voltage',
    unit: 'V',
    off: null,
    on: 12.1,
    swing: 0.1,
    thresholds: { lc: 10.8, lnc: 11.2, unc: 12.8, uc: 13.2 },
  },
  {
    name: '5V',
    type: 'voltage',
    unit: 'V',
    off: null,
    on: 5.05,
    swing: 0.05,
    thresholds: { lc: 4.5, lnc: 4.7, unc: 5.3, uc: 5.5 },
  },
  { name: '3.3V AUX', type: 'voltage', unit: 'V', off: 3.34, on: 3.31, swing: 0.02, thresholds: { lc: 2.97, uc: 3.63 } },
  { name: 'PSU1 Power', type: 'power', unit: 'W', off: 9, on: 210, swing: 35, thresholds: { unc: 700, uc: 750 } },
  { name: 'PSU2 Power', type: 'power', unit: 'W', off: 8, on: 190, swing: 30, thresholds: { uc: 750 }, formula: 'factors' },
];

/** Sensor type codes, IPMI 2.0 rev 1.1 table 42-3. */
const types = { powerSupply: 0x08, powerUnit: 0x09, driveSlot: 0x0d, criticalInterrupt: 0x13, systemBoot: 0x1d };
const presence = 0;
const poweredOff = 0;

export function createSensors(around: Surroundings): BmcModelSensor[] {
  const always = (name: string, typeCode: number, sharedName?: string): DiscreteSensor => ({
    kind: 'discrete',
    name,
    typeCode,
    read: () => [presence],
    ...(sharedName && { sharedName }),
  });
  return [
    ...analogTable.map((row, index) => createAnalog(row, index, around)),
    always('PSU1 Status', types.powerSupply),
    always('PSU2 Status', types.powerSupply),
    ...['0', '1', '2', '3'].map((slot) => always(`Drive ${slot}`, types.driveSlot, 'Drive ')),
    { kind: 'discrete', name: 'Power Unit', typeCode: types.powerUnit, read: () => (around.on() ? [] : [poweredOff]) },
    { kind: 'event-only', name: 'System Boot', typeCode: types.systemBoot },
    { kind: 'event-only', name: 'Critical IRQ', typeCode: types.criticalInterrupt },
  ];
}

/** Time constant (about two thirds of the change), and the period of the wave. */
const room = 25;
const settleMilliseconds = 60_000;
const waveMilliseconds = 90_000;

function createAnalog(row: AnalogRow, index: number, around: Surroundings): AnalogSensor {
  const { name, type, unit, off, on, swing, thresholds, formula } = row;
  const read = () => {
    const target = around.on() ? on : off;
    if (target === null) return null;
    const age = Math.max(0, around.now() - around.switchedAt());
    // Temperatures change slowly; fans, voltages and power follow at once.
    const rest = type === 'temperature' ? Math.exp(-age / settleMilliseconds) : 0;
    const former = around.on() ? (off ?? room) : on;
    const wave = Math.sin((around.now() / waveMilliseconds + index / 7) * 2 * Math.PI);
    return target + (former - target) * rest + (around.on() ? swing * wave * (1 - rest) : 0);
  };
  return { kind: 'analog', name, type, unit, thresholds, read, ...(formula && { formula }) };
}
