/**
 * What a BMC knows of its machine, whichever protocol it is asked through: the IPMI and the Redfish face of one virtual
 * BMC share one board, so that what is done through one is seen through the other.
 */
import type { Chassis, MediaDevice } from './chassis.ts';

export type BoardIdentity = {
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  readonly partNumber: string;
  readonly uuid: string;
  /** `1.7`: of the BMC's own firmware. */
  readonly bmcVersion: string;
};

export type ThresholdName = 'lnc' | 'lc' | 'lnr' | 'unc' | 'uc' | 'unr';

/** A sensor with a number. Its reading moves with time and with the machine's power. */
export type AnalogSensor = {
  readonly kind: 'analog';
  readonly name: string;
  readonly type: 'temperature' | 'fan' | 'voltage' | 'power';
  readonly unit: '°C' | 'rpm' | 'V' | 'W';
  /** Null = not available while the machine is off. */
  read(): number | null;
  readonly thresholds: Partial<Record<ThresholdName, number>>;
};

/** A sensor with states, e.g. `Drive Slot`: `drive presence`. */
export type DiscreteSensor = {
  readonly kind: 'discrete';
  readonly name: string;
  /** IPMI 2.0 table 42-3: sensor type code. */
  readonly typeCode: number;
  /** Bit offsets that are asserted. */
  read(): readonly number[];
};
export type BoardSensor = AnalogSensor | DiscreteSensor;

export type BoardLogEntry = {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sensor: string;
  readonly message: string;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** As IPMI tells it: sensor type code, event offset, asserted or deasserted. */
  readonly event: { readonly typeCode: number; readonly offset: number; readonly asserted: boolean };
};

export type BoardUser = { readonly name: string; password: string; readonly privilege: 'user' | 'operator' | 'administrator' };

export type MediumSlot = { readonly device: MediaDevice; image: string | null };

export type Board = {
  readonly identity: BoardIdentity;
  readonly chassis: Chassis;
  readonly sensors: readonly BoardSensor[];
  /** Oldest first. */
  readonly log: readonly BoardLogEntry[];
  record(entry: Omit<BoardLogEntry, 'id' | 'at'>): void;
  clearLog(): void;
  readonly users: BoardUser[];
  indicator: 'on' | 'off' | 'blinking';
  readonly media: readonly MediumSlot[];
  /** Called with each change of power, log, media or indicator: what a BMC sends events of. */
  onChange(listener: (what: 'power' | 'log' | 'media' | 'indicator') => void): () => void;
  /** A restart of the BMC, not of the machine; sessions are gone, settings stay. */
  resetBmc(kind: 'warm' | 'cold'): void;
  readonly bios: Map<string, string | number | boolean>;
};
