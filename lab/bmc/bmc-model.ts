/**
 * The state behind a virtual BMC, independent of protocol: its IPMI and Redfish front ends share one board, so a change
 * made through one is visible through the other.
 */
import type { Chassis, MediaDevice } from './chassis.ts';

export type BmcModelIdentity = {
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  readonly partNumber: string;
  readonly uuid: string;
  /** Version of the BMC's own firmware, such as `1.7`. */
  readonly bmcVersion: string;
};

export type ThresholdName = 'lnc' | 'lc' | 'lnr' | 'unc' | 'uc' | 'unr';

/** A sensor with a numeric reading, which changes with time and with the machine's power state. */
export type AnalogSensor = {
  readonly kind: 'analog';
  readonly name: string;
  readonly type: 'temperature' | 'fan' | 'voltage' | 'power';
  readonly unit: '°C' | 'rpm' | 'V' | 'W';
  /** Null = not available while the machine is off. */
  read(): number | null;
  readonly thresholds: Partial<Record<ThresholdName, number>>;
  /**
   * How IPMI converts the byte to the number; default `linear`. `factors`: different ones for each part of the range.
   */
  readonly formula?: 'linear' | 'reciprocal' | 'factors';
};

/** A sensor with discrete states, e.g. `Drive Slot`: `drive presence`. */
export type DiscreteSensor = {
  readonly kind: 'discrete';
  readonly name: string;
  /** IPMI 2.0 table 42-3: sensor type code. */
  readonly typeCode: number;
  /** Bit offsets of the asserted states. */
  read(): readonly number[];
  /** Adjacent sensors with the same word share one IPMI record: `DIMM ` of `DIMM 0`, `DIMM 1`. */
  readonly sharedName?: string;
};

/** Visible only in the log. */
export type EventSensor = { readonly kind: 'event-only'; readonly name: string; readonly typeCode: number };
export type BmcModelSensor = AnalogSensor | DiscreteSensor | EventSensor;

export type BmcModelLogEntry = {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sensor: string;
  readonly message: string;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** In IPMI terms: sensor type code, event offset, asserted or deasserted. */
  readonly event: BmcModelEvent;
};

export type BmcModelEvent = {
  readonly typeCode: number;
  /** Of an analog sensor: IPMI 2.0 table 42-2, threshold states. */
  readonly offset: number;
  readonly asserted: boolean;
  /** The reading that crossed a threshold, and the threshold. */
  readonly reading?: number;
  readonly threshold?: number;
};

export type BmcModelUser = { readonly name: string; password: string; readonly privilege: 'user' | 'operator' | 'administrator' };

export type BmcModelLan = { address: string; mask: string; gateway: string; mac: string; source: 'static' | 'dhcp' };

export type MediumSlot = {
  readonly device: MediaDevice;
  /** URI of the inserted medium, regardless of who inserted it; null = the drive is empty. */
  readonly image: string | null;
  /** @param file its copy on this host, for the machine's drive; without it the image is only recorded */
  change(image: string | null, file?: string): Promise<void>;
};

export type BmcModel = {
  readonly identity: BmcModelIdentity;
  /** The machine; actions through it are logged. */
  readonly chassis: Chassis;
  readonly sensors: readonly BmcModelSensor[];
  /** Oldest entry first. */
  readonly log: readonly BmcModelLogEntry[];
  record(entry: Omit<BmcModelLogEntry, 'id' | 'at'>): void;
  clearLog(): void;
  /** Milliseconds since 1970 of the last entry and the last clearing; 0 = never. */
  readonly logTimes: { readonly added: number; readonly cleared: number };
  /** Overrides the reading of an analog sensor (null = the simulated value again); crossed thresholds are logged. */
  force(sensor: string, value: number | null): void;
  readonly users: BmcModelUser[];
  indicator: 'on' | 'off' | 'blinking';
  readonly media: readonly MediumSlot[];
  /** Called with each change of power, log, media or indicator: the changes for which a BMC sends events. */
  onChange(listener: (what: 'power' | 'log' | 'media' | 'indicator') => void): () => void;
  /** Restarts the BMC, not the machine: sessions end, settings stay. */
  resetBmc(kind: 'warm' | 'cold'): void;
  /** Called on a restart; each front end then ends its sessions. */
  onReset(listener: (kind: 'warm' | 'cold') => void): () => void;
  /** The BMC's address; a client may set it through a front end, which has no effect in the lab. */
  readonly lan: BmcModelLan;
  readonly bios: Map<string, string | number | boolean>;
};
