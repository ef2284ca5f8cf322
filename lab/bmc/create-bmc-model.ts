import { randomBytes, randomUUID } from 'node:crypto';
import type {
  AnalogSensor,
  BmcModel,
  BmcModelEvent,
  BmcModelIdentity,
  BmcModelLan,
  BmcModelLogEntry,
  BmcModelSensor,
  BmcModelUser,
  MediumSlot,
  ThresholdName,
} from './bmc-model.ts';
import type { Chassis, MediaDevice } from './chassis.ts';
import { createSensors } from './model-sensors.ts';
import { type ChassisDeed, watchChassis } from './watched-chassis.ts';

export type BmcModelOptions = {
  readonly chassis: Chassis;
  readonly users?: readonly BmcModelUser[];
  readonly identity?: Partial<BmcModelIdentity>;
  readonly lan?: Partial<BmcModelLan>;
  readonly media?: readonly MediaDevice[];
  /** Capacity of the log; further entries evict the oldest. */
  readonly logLimit?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
};

/** A typical server board around a machine. It has no timers: changing values are computed on read. */
export function createBmcModel(options: BmcModelOptions): BmcModel {
  return new MemoryBoard(options);
}

type Change = 'power' | 'log' | 'media' | 'indicator';
type Words = Omit<BmcModelLogEntry, 'id' | 'at'>;

const anybody: BmcModelIdentity = {
  manufacturer: 'Ingot',
  product: 'Virtual Server',
  serial: 'VS0000001',
  partNumber: 'VS-1U-2S',
  uuid: '',
  bmcVersion: '1.7',
};

const system = { boot: 'System Boot', interrupt: 'Critical IRQ', powerUnit: 'Power Unit' };

/** Event offsets of IPMI 2.0 rev 1.1 table 42-3: system boot initiated, power unit, critical interrupt. */
const deedTable: Readonly<Record<ChassisDeed, readonly Words[]>> = {
  'power up': [booting(0, 'initiated by power up')],
  reset: [booting(1, 'initiated by hard reset')],
  'power cycle': [
    { sensor: system.powerUnit, message: 'power cycle', severity: 'ok', event: { typeCode: 0x09, offset: 1, asserted: true } },
    booting(0, 'initiated by power up'),
  ],
  nmi: [
    {
      sensor: system.interrupt,
      message: 'front panel NMI / diagnostic interrupt',
      severity: 'critical',
      event: { typeCode: 0x13, offset: 0, asserted: true },
    },
  ],
};

function booting(offset: number, message: string): Words {
  return { sensor: system.boot, message, severity: 'ok', event: { typeCode: 0x1d, offset, asserted: true } };
}

/** Event offsets of table 42-2, generic type 01h: going low below, going high above a threshold. */
const crossings: readonly { name: ThresholdName; offset: number; words: string; severity: BmcModelLogEntry['severity'] }[] = [
  { name: 'lnc', offset: 0, words: 'lower non-critical', severity: 'warning' },
  { name: 'lc', offset: 2, words: 'lower critical', severity: 'critical' },
  { name: 'lnr', offset: 4, words: 'lower non-recoverable', severity: 'critical' },
  { name: 'unc', offset: 7, words: 'upper non-critical', severity: 'warning' },
  { name: 'uc', offset: 9, words: 'upper critical', severity: 'critical' },
  { name: 'unr', offset: 11, words: 'upper non-recoverable', severity: 'critical' },
];

const typeCodes: Readonly<Record<AnalogSensor['type'], number>> = { temperature: 0x01, voltage: 0x02, fan: 0x04, power: 0x0b };

class MemoryBoard implements BmcModel {
  readonly identity: BmcModelIdentity;
  readonly chassis: Chassis;
  readonly users: BmcModelUser[];
  readonly media: readonly MediumSlot[];
  readonly lan: BmcModelLan;
  readonly bios = new Map<string, string | number | boolean>([
    ['BootMode', 'LegacyBios'],
    ['ProcTurboMode', 'Enabled'],
    ['NumaNodesPerSocket', 1],
  ]);
  readonly #now: () => number;
  readonly #logLimit: number;
  readonly #changed = new Set<(what: Change) => void>();
  readonly #reset = new Set<(kind: 'warm' | 'cold') => void>();
  readonly #forced = new Map<string, number>();
  #sensors: readonly BmcModelSensor[] | undefined;
  #log: BmcModelLogEntry[] = [];
  #lastId = 0;
  #added = 0;
  #cleared = 0;
  #indicator: BmcModel['indicator'] = 'off';
  #power: 'on' | 'off';
  #switchedAt = 0;

  constructor({
    chassis,
    users = [],
    identity,
    lan,
    media = ['cdrom', 'disk'],
    logLimit = 512,
    now = Date.now,
  }: BmcModelOptions) {
    this.identity = { ...anybody, uuid: randomUUID(), ...identity };
    this.users = users.map((user) => ({ ...user }));
    this.lan = { address: '127.0.0.1', mask: '255.0.0.0', gateway: '0.0.0.0', mac: randomMac(), source: 'static', ...lan };
    this.#now = now;
    this.#logLimit = logLimit;
    this.#power = chassis.power();
    this.chassis = watchChassis(
      chassis,
      (deed) => this.#addLog(deedTable[deed]),
      () => this.#notePower(),
    );
    chassis.onPower?.(() => this.#notePower());
    chassis.onMedium?.(() => this.#emit('media'));
    this.media = media.map((device) => this.#createSlot(device));
  }

  /** Created on first use: most of the ten thousand boards of a farm never need them. */
  get sensors(): readonly BmcModelSensor[] {
    this.#sensors ??= createSensors({
      on: () => this.chassis.power() === 'on',
      switchedAt: () => this.#switchedAt,
      now: this.#now,
    }).map((sensor) => (sensor.kind === 'analog' ? this.#forceable(sensor) : sensor));
    return this.#sensors;
  }

  get log(): readonly BmcModelLogEntry[] {
    return this.#log;
  }

  get logTimes() {
    return { added: this.#added, cleared: this.#cleared };
  }

  get indicator(): BmcModel['indicator'] {
    return this.#indicator;
  }

  set indicator(state) {
    this.#indicator = state;
    this.#emit('indicator');
  }

  record(entry: Words): void {
    this.#lastId = (this.#lastId % 0xfffe) + 1;
    this.#added = this.#now();
    this.#log.push({ ...entry, id: this.#lastId, at: this.#added });
    if (this.#log.length > this.#logLimit) this.#log.shift();
    this.#emit('log');
  }

  clearLog(): void {
    this.#log = [];
    this.#cleared = this.#now();
    this.#emit('log');
  }

  force(name: string, value: number | null): void {
    const sensor = this.sensors.find((candidate) => candidate.kind === 'analog' && candidate.name === name);
    if (sensor?.kind !== 'analog') throw new Error(`there is no analog sensor '${name}'`);
    const before = sensor.read();
    if (value === null) this.#forced.delete(name);
    else this.#forced.set(name, value);
    this.#compare(sensor, before, sensor.read());
  }

  onChange(listener: (what: Change) => void): () => void {
    this.#changed.add(listener);
    return () => void this.#changed.delete(listener);
  }

  resetBmc(kind: 'warm' | 'cold'): void {
    for (const listener of this.#reset) listener(kind);
  }

  onReset(listener: (kind: 'warm' | 'cold') => void): () => void {
    this.#reset.add(listener);
    return () => void this.#reset.delete(listener);
  }

  #addLog(entries: readonly Words[]): void {
    for (const entry of entries) this.record(entry);
  }

  #emit(what: Change): void {
    for (const listener of this.#changed) listener(what);
  }

  #notePower(): void {
    const power = this.chassis.power();
    if (power === this.#power) return;
    this.#power = power;
    this.#switchedAt = this.#now();
    const off: BmcModelEvent = { typeCode: 0x09, offset: 0, asserted: power === 'off' };
    this.record({ sensor: system.powerUnit, message: `power ${power}`, severity: 'ok', event: off });
    this.#emit('power');
  }

  #forceable(sensor: AnalogSensor): AnalogSensor {
    return { ...sensor, read: () => this.#forced.get(sensor.name) ?? sensor.read() };
  }

  #compare({ name, type, unit, thresholds }: AnalogSensor, before: number | null, reading: number | null): void {
    for (const { name: threshold, offset, words, severity } of crossings) {
      const limit = thresholds[threshold];
      if (limit === undefined || reading === null) continue;
      const beyond = (value: number | null) => value !== null && (threshold.startsWith('l') ? value <= limit : value >= limit);
      if (beyond(before) === beyond(reading)) continue;
      const asserted = beyond(reading);
      const direction = threshold.startsWith('l') ? 'low' : 'high';
      const message = `${words} going ${direction}${asserted ? '' : ' (deasserted)'}: ${reading} ${unit}, threshold ${limit} ${unit}`;
      const event = { typeCode: typeCodes[type], offset, asserted, reading, threshold: limit };
      this.record({ sensor: name, message, severity: asserted ? severity : 'ok', event });
    }
  }

  #createSlot(device: MediaDevice): MediumSlot {
    const { chassis } = this;
    const emit = () => this.#emit('media');
    let held: string | null = null;
    return {
      device,
      get image() {
        return chassis.medium ? chassis.medium(device) : held;
      },
      async change(image, file) {
        if (image === null || file !== undefined) await chassis.changeMedium?.(device, file ?? null, image ?? undefined);
        held = image;
        if (!chassis.onMedium) emit();
      },
    };
  }
}

/** From the OEM range. */
function randomMac(): string {
  return ['02', ...Array.from(randomBytes(5), (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
