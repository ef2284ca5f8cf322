/**
 * What a BMC knows of its machine, whichever protocol it is asked through: the IPMI and the Redfish face of one virtual
 * BMC share one board, so that what is done through one is seen through the other.
 */
import type { Chassis, MediaDevice } from './chassis.ts';

export type BmcModelIdentity = {
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
  /** How IPMI's byte becomes the number; default `linear`. `factors`: other ones for each part of the range. */
  readonly formula?: 'linear' | 'reciprocal' | 'factors';
};

/** A sensor with states, e.g. `Drive Slot`: `drive presence`. */
export type DiscreteSensor = {
  readonly kind: 'discrete';
  readonly name: string;
  /** IPMI 2.0 table 42-3: sensor type code. */
  readonly typeCode: number;
  /** Bit offsets that are asserted. */
  read(): readonly number[];
  /** Neighbours with the same word share one IPMI record: `DIMM ` of `DIMM 0`, `DIMM 1`. */
  readonly sharedName?: string;
};

/** Shows in the log alone. */
export type EventSensor = { readonly kind: 'event-only'; readonly name: string; readonly typeCode: number };
export type BmcModelSensor = AnalogSensor | DiscreteSensor | EventSensor;

export type BmcModelLogEntry = {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sensor: string;
  readonly message: string;
  readonly severity: 'ok' | 'warning' | 'critical';
  /** As IPMI tells it: sensor type code, event offset, asserted or deasserted. */
  readonly event: BmcModelEvent;
};

export type BmcModelEvent = {
  readonly typeCode: number;
  /** Of an analog sensor: IPMI 2.0 table 42-2, threshold states. */
  readonly offset: number;
  readonly asserted: boolean;
  /** What crossed a threshold, and the threshold. */
  readonly reading?: number;
  readonly threshold?: number;
};

export type BmcModelUser = { readonly name: string; password: string; readonly privilege: 'user' | 'operator' | 'administrator' };

export type BmcModelLan = { address: string; mask: string; gateway: string; mac: string; source: 'static' | 'dhcp' };

export type MediumSlot = {
  readonly device: MediaDevice;
  /** URI of what is in the drive, whoever has put it in; null = nothing. */
  readonly image: string | null;
  /** @param file its copy on this host, for the drive of the machine; without it the image is only noted */
  change(image: string | null, file?: string): Promise<void>;
};

export type BmcModel = {
  readonly identity: BmcModelIdentity;
  /** The machine; what is done to it this way is in the log. */
  readonly chassis: Chassis;
  readonly sensors: readonly BmcModelSensor[];
  /** Oldest first. */
  readonly log: readonly BmcModelLogEntry[];
  record(entry: Omit<BmcModelLogEntry, 'id' | 'at'>): void;
  clearLog(): void;
  /** Milliseconds since 1970, of the last entry and the last clearing; 0 = never. */
  readonly logTimes: { readonly added: number; readonly cleared: number };
  /** Lets an analog sensor show this from now on (null = what it would show by itself); crossed thresholds are in the log. */
  force(sensor: string, value: number | null): void;
  readonly users: BmcModelUser[];
  indicator: 'on' | 'off' | 'blinking';
  readonly media: readonly MediumSlot[];
  /** Called with each change of power, log, media or indicator: what a BMC sends events of. */
  onChange(listener: (what: 'power' | 'log' | 'media' | 'indicator') => void): () => void;
  /** A restart of the BMC, not of the machine; sessions are gone, settings stay. */
  resetBmc(kind: 'warm' | 'cold'): void;
  /** Each face ends its sessions then. */
  onReset(listener: (kind: 'warm' | 'cold') => void): () => void;
  /** Where it is reached; a face may have been told to change it, which moves nothing in the lab. */
  readonly lan: BmcModelLan;
  readonly bios: Map<string, string | number | boolean>;
};
