/**
 * RAID configurations as Ironic's API has them: `target_raid_config`, which an operator wants, and `raid_config`, which the
 * machine has. Rules of Ironic's `raid_config_schema.json`, with limits for what Ironic leaves open.
 */
import type { JsonObject } from './json.ts';

export const raidLevels = ['JBOD', '0', '1', '2', '5', '6', '1+0', '5+0', '6+0'] as const;
export type RaidLevel = (typeof raidLevels)[number];

/** One volume that is wanted. Sizes in GiB. */
export type LogicalDisk = {
  readonly raid_level: RaidLevel;
  /** `MAX`: all that is left. */
  readonly size_gb: number | 'MAX';
  readonly volume_name?: string;
  readonly is_root_volume?: boolean;
  /** Other volumes may use the same disks. */
  readonly share_physical_disks?: boolean;
  readonly disk_type?: 'hdd' | 'ssd';
  readonly interface_type?: 'sata' | 'scsi' | 'sas';
  readonly number_of_physical_disks?: number;
  readonly controller?: string;
  /** Ids of disks at the controller, or (in-band) one root device hint per disk. */
  readonly physical_disks?: string[] | JsonObject[];
};
export type RaidConfig = { readonly logical_disks: LogicalDisk[] };

/** A volume that exists. `root_device_hint`: by which a deployment finds it. */
export type CurrentLogicalDisk = {
  readonly raid_level: RaidLevel;
  readonly size_gb: number | 'MAX';
  readonly is_root_volume?: boolean;
  readonly root_device_hint?: JsonObject;
} & JsonObject;
export type CurrentRaid = { readonly logical_disks: CurrentLogicalDisk[] };

/** What one RAID step does: first all volumes are deleted, if it `deletes`, then those of `creates` are made, in their order. */
export type RaidChange = { readonly deletes: boolean; readonly creates: LogicalDisk[] };

export const mostLogicalDisks = 64;
const mostPhysicalDisks = 256;
const longestText = 255;
/** In GiB: 1 EiB. */
const largestSize = 2 ** 30;

type Check = (value: unknown) => string | undefined;
type Row = { readonly about: string; readonly check: Check };

const text: Check = (value) => {
  if (typeof value !== 'string') return `${shown(value)} is not of type 'string'`;
  return value.length > longestText ? `${shown(value)} is too long` : undefined;
};
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : `${shown(value)} is not of type 'boolean'`);
const oneOf =
  (choices: readonly string[]): Check =>
  (value) => {
    if (typeof value !== 'string') return `${shown(value)} is not of type 'string'`;
    return choices.includes(value) ? undefined : `${shown(value)} is not one of [${choices.map(shown).join(', ')}]`;
  };
const size: Check = (value) =>
  value === 'MAX' || (isWhole(value) && value >= 0 && value <= largestSize)
    ? undefined
    : `${shown(value)} is not valid under any of the given schemas`;
const count: Check = (value) => {
  if (!isWhole(value)) return `${shown(value)} is not of type 'integer'`;
  if (value > mostPhysicalDisks) return `${value} is greater than the maximum of ${mostPhysicalDisks}`;
  return value > 0 ? undefined : `${value} is less than or equal to the minimum of 0`;
};
const disks: Check = (value) => {
  if (!Array.isArray(value)) return `${shown(value)} is not valid under any of the given schemas`;
  if (value.length > mostPhysicalDisks) return `${shown(value)} is too long`;
  const areIds = value.every((each) => text(each) === undefined);
  return areIds || (value.length >= 2 && value.every(isObject))
    ? undefined
    : `${shown(value)} is not valid under any of the given schemas`;
};

/** The properties of a logical disk, with what they mean. */
const propertyTable: Readonly<Record<string, Row>> = {
  raid_level: { check: oneOf(raidLevels), about: `The RAID level: one of ${raidLevels.join(', ')}. Required.` },
  size_gb: { check: size, about: 'The size in GiB, a whole number, or MAX for all space that is left. Required.' },
  volume_name: { check: text, about: 'The name of the volume. Optional; by default the driver or the controller chooses one.' },
  is_root_volume: { check: flag, about: 'Whether the image is written to this volume. Optional; default: false.' },
  share_physical_disks: {
    check: flag,
    about: 'Whether further logical disks may use the same physical disks. Optional; default: false.',
  },
  disk_type: { check: oneOf(['hdd', 'ssd']), about: 'The type of the physical disks, hdd or ssd. Optional; default: any.' },
  interface_type: {
    check: oneOf(['sata', 'scsi', 'sas']),
    about: 'The interface of the physical disks: sata, scsi or sas. Optional; default: any.',
  },
  number_of_physical_disks: {
    check: count,
    about: 'How many physical disks to use. Optional; default: the fewest that the RAID level needs.',
  },
  controller: { check: text, about: 'The RAID controller to use. Optional; by default the driver chooses one.' },
  physical_disks: {
    check: disks,
    about: 'The physical disks to use: a list of their ids, or of hints. Optional; by default the driver chooses them.',
  },
};

/** As Ironic's `logical_disk_properties`. */
export const logicalDiskProperties: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(propertyTable).map(([name, { about }]) => [name, about]),
);

/** @returns what is wrong with a configuration, in the words of Ironic (jsonschema); undefined: nothing */
export function raidComplaint(config: unknown): string | undefined {
  const wrong = complaintOf(config);
  if (wrong !== undefined) return `RAID config validation error: ${wrong}`;
  const roots = (config as RaidConfig).logical_disks.filter(({ is_root_volume }) => is_root_volume).length;
  if (roots <= 1) return undefined;
  return `Raid config cannot have more than one root volume. ${roots} root volumes were specified`;
}

export function isRaidConfig(config: unknown): config is RaidConfig {
  return raidComplaint(config) === undefined;
}

function complaintOf(config: unknown): string | undefined {
  if (!isObject(config)) return `${shown(config)} is not of type 'object'`;
  const { logical_disks: given, ...others } = config;
  const [other] = Object.keys(others);
  if (other !== undefined) return unexpected(other);
  if (given === undefined) return "'logical_disks' is a required property";
  if (!Array.isArray(given)) return `${shown(given)} is not of type 'array'`;
  if (given.length === 0) return '[] should be non-empty';
  if (given.length > mostLogicalDisks)
    return `there are ${given.length} logical disks, of which ${mostLogicalDisks} are the most`;
  return given.map(complaintOfDisk).find((wrong) => wrong !== undefined);
}

function complaintOfDisk(disk: unknown): string | undefined {
  if (!isObject(disk)) return `${shown(disk)} is not of type 'object'`;
  for (const [name, value] of Object.entries(disk)) {
    const row = Object.hasOwn(propertyTable, name) ? propertyTable[name] : undefined;
    const wrong = row ? row.check(value) : unexpected(name);
    if (wrong !== undefined) return wrong;
  }
  const missing = ['raid_level', 'size_gb'].find((name) => !Object.hasOwn(disk, name));
  if (missing !== undefined) return `'${missing}' is a required property`;
  const isAlone = Object.hasOwn(disk, 'physical_disks') && !Object.hasOwn(disk, 'controller');
  return isAlone ? "'controller' is a dependency of 'physical_disks'" : undefined;
}

function unexpected(name: string): string {
  return `Additional properties are not allowed (${shown(name)} was unexpected)`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}

/** Of what a client has sent, no more than fits in a message. */
function shown(value: unknown): string {
  const written = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return written.length > 100 ? `${written.slice(0, 99)}…` : written;
}

export type Chosen = { readonly root: boolean; readonly nonroot: boolean };

/** As Ironic's `filter_target_raid_config`. */
export function chosenDisks({ logical_disks: wanted }: RaidConfig, { root, nonroot }: Chosen): LogicalDisk[] {
  return wanted.filter(({ is_root_volume }) => (is_root_volume ? root : nonroot));
}

/** The configuration from which a volume was made, of those whose record repeats it. */
export function wantedOf(current: CurrentLogicalDisk): LogicalDisk {
  const names = Object.keys(current).filter((name) => Object.hasOwn(propertyTable, name));
  return Object.fromEntries(names.map((name) => [name, current[name]])) as unknown as LogicalDisk;
}
