/**
 * Linux software RAID (md): which disks and partitions a list of logical disks gets. No I/O: the server checks
 * configurations by it, the agent acts by it. Rules and layout are those of Ironic's own agent (ironic-python-agent:
 * `raid_utils.py`, and `validate_configuration` in `hardware.py`), with these differences: `size_gb` is the size of the
 * volume, as the API defines it, where Ironic's agent makes each member that large; and on UEFI machines the EFI system
 * partitions are made with the volumes, not at deployment.
 */
import type { Disk } from './messages.ts';
import { type Hint, mismatch, parseRootDevice } from './root-device.ts';

/** What is read of a logical disk of Ironic's API; `size_gb` in GiB. */
export type WantedVolume = {
  readonly raid_level: string;
  readonly size_gb: number | 'MAX';
  readonly volume_name?: string;
  readonly is_root_volume?: boolean;
  readonly controller?: string;
  readonly disk_type?: string;
  readonly interface_type?: string;
  readonly number_of_physical_disks?: number;
  /** One object of root device hints for each disk. */
  readonly physical_disks?: readonly unknown[];
};

type Level = {
  /** mdadm's word for it, and the kernel's module. */
  readonly md: string;
  readonly module: string;
  readonly fewest: number;
  /** How many members' worth of data `members` hold. */
  readonly data: (members: number) => number;
};

export const levelTable: Readonly<Record<string, Level>> = {
  '0': { md: '0', module: 'raid0', fewest: 2, data: (members) => members },
  '1': { md: '1', module: 'raid1', fewest: 2, data: () => 1 },
  '1+0': { md: '10', module: 'raid10', fewest: 2, data: (members) => members / 2 },
  '5': { md: '5', module: 'raid456', fewest: 3, data: (members) => members - 1 },
  '6': { md: '6', module: 'raid456', fewest: 4, data: (members) => members - 2 },
};

export const softwareController = 'software';
/** The array of the EFI system partitions: its superblock is at the end, so that firmware sees a file system at the start. */
export const espVolume = 'esp';
/** As Ironic's agent; space for the loaders and the updates of any distribution. */
export const espMib = 550;
const mostVolumes = 2;
/** A superblock has room for 32 characters, of which `any:` takes four. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,27}$/;

/** What software RAID cannot make of a configuration; empty: nothing. */
export function complaintsOfVolumes(volumes: readonly WantedVolume[]): string[] {
  const [first] = volumes;
  if (!first) return [];
  return [
    ...(volumes.length > mostVolumes ? [`software RAID has ${mostVolumes} logical disks at most`] : []),
    ...(first.raid_level === '1' ? [] : ['the first logical disk must be RAID 1, from which a machine can start']),
    ...(volumes.filter(({ size_gb }) => size_gb === 'MAX').length > 1 ? ['only one logical disk can have the size MAX'] : []),
    ...(volumes.filter(({ is_root_volume }) => is_root_volume).length > 1
      ? ['only one logical disk can be the root volume']
      : []),
    ...(new Set(namesOf(volumes)).size < volumes.length ? ['two logical disks have the same volume_name'] : []),
    ...volumes.flatMap((volume, index) => complaintsOf(volume).map((complaint) => `logical disk ${index + 1} ${complaint}`)),
  ];
}

function complaintsOf({ raid_level, size_gb, volume_name, controller, ...disks }: WantedVolume): string[] {
  const { physical_disks: physical, number_of_physical_disks: count } = disks;
  const level = Object.hasOwn(levelTable, raid_level) ? levelTable[raid_level] : undefined;
  const known = Object.keys(levelTable).join(', ');
  const members = physical?.length ?? count;
  const complaints = [
    ...(controller === softwareController ? [] : [`has no controller '${softwareController}'`]),
    ...(level ? [] : [`has RAID level ${raid_level}, which is none of ${known}`]),
    ...(size_gb === 0 ? ['has no size'] : []),
    ...(level && members !== undefined && members < level.fewest
      ? [`names ${members} physical disks, RAID ${raid_level} needs ${level.fewest}`]
      : []),
    ...(physical && count !== undefined && physical.length !== count
      ? ['has another number_of_physical_disks than physical_disks']
      : []),
  ];
  if (volume_name !== undefined && (!namePattern.test(volume_name) || volume_name === espVolume))
    complaints.push(`has a volume_name that is '${espVolume}' or no more than 28 letters, digits, dots, dashes, underscores`);
  return [...complaints, ...complaintsOfHints(physical)];
}

function complaintsOfHints(physical: readonly unknown[] = []): string[] {
  try {
    for (const hints of physical) {
      if (typeof hints !== 'object' || hints === null) return ['must have objects of root device hints as physical_disks'];
      parseRootDevice(hints);
    }
    return [];
  } catch (error) {
    return [`has a physical disk by which none can be found: ${(error as Error).message}`];
  }
}

/** The volumes in the order in which they are made, each by its name. */
export function namedVolumes<V extends WantedVolume>(volumes: readonly V[]): readonly (readonly [name: string, volume: V])[] {
  return inOrder(volumes).map((volume, index) => [volume.volume_name ?? `md${index}`, volume]);
}

/** Names by which volumes are found again; `md0`, `md1` where the operator has given none, as by Ironic's agent. */
function namesOf(volumes: readonly WantedVolume[]): string[] {
  return namedVolumes(volumes).map(([name]) => name);
}

/** What is left after the others is for the one of size MAX. */
function inOrder<V extends WantedVolume>(volumes: readonly V[]): readonly V[] {
  return [...volumes.filter(({ size_gb }) => size_gb !== 'MAX'), ...volumes.filter(({ size_gb }) => size_gb === 'MAX')];
}

export type PlannedPartition = { readonly kind: 'esp' | 'raid'; readonly startMib: number; readonly sizeMib: number };
export type PlannedDisk = { readonly device: string; readonly partitions: readonly PlannedPartition[] };
export type PlannedArray = {
  readonly name: string;
  /** Ironic's word. */
  readonly level: string;
  /** Version of the superblock. */
  readonly metadata: '1.0' | '1.2';
  /** Partitions: `/dev/sda1`. */
  readonly members: readonly string[];
  readonly isRoot?: boolean;
};
export type RaidPlan = {
  readonly table: 'gpt' | 'dos';
  readonly disks: readonly PlannedDisk[];
  readonly arrays: readonly PlannedArray[];
};

export type RaidRequest = {
  readonly disks: readonly Disk[];
  readonly volumes: readonly WantedVolume[];
  readonly bootMode: 'bios' | 'uefi';
  /** The capability `disk_label`; it has no effect on UEFI machines. */
  readonly diskLabel?: string;
};

const mebibyte = 1024 ** 2;
const mibPerGib = 1024;
/** An MBR counts 512-byte sectors in 32 bits. */
const mbrBytes = 2 ** 32 * 512;
/** Less would be little more than mdadm's own data. */
const leastMib = 64;

/** Throws an Error that says what the disks lack. */
export function planRaid({ disks, volumes, bootMode, diskLabel }: RaidRequest): RaidPlan {
  const complaints = complaintsOfVolumes(volumes);
  if (complaints.length > 0) throw new Error(complaints.join('; '));
  if (bootMode === 'bios' && volumes.some(({ is_root_volume }) => is_root_volume)) throw new Error(noBiosRoot);
  const ordered = inOrder(volumes);
  const chosen = ordered.map((volume) => membersOf(volume, disks));
  const used = disks.filter((disk) => chosen.some((members) => members.includes(disk)));
  const isLarge = used.some(({ size_bytes }) => size_bytes > mbrBytes);
  const table = bootMode === 'uefi' || diskLabel === 'gpt' || isLarge ? 'gpt' : 'dos';
  const layouts = new Map(used.map((disk) => [disk, new Layout(disk, { table, bootMode })]));
  const names = namesOf(volumes);
  const arrays = ordered.map((volume, index): PlannedArray => {
    const members = chosen[index]!.map((disk) => layouts.get(disk)!);
    const sizeMib = memberMib(volume, members);
    const { raid_level: level, is_root_volume } = volume;
    return {
      ...{ name: names[index]!, level, metadata: '1.2', members: members.map((layout) => layout.add('raid', sizeMib)) },
      ...(is_root_volume !== undefined && { isRoot: is_root_volume }),
    };
  });
  const esp: PlannedArray = {
    ...{ name: espVolume, level: '1', metadata: '1.0' },
    members: used.map(({ device }) => partitionOf(device, 1)),
  };
  return {
    table,
    disks: used.map((disk) => ({ device: disk.device, partitions: layouts.get(disk)!.partitions })),
    arrays: bootMode === 'uefi' ? [...arrays, esp] : arrays,
  };
}

/** Ironic's agent has disabled it by default since CVE-2026-43003: it runs programs of the image in the ramdisk. */
export const noBiosRoot =
  'a machine that starts by BIOS cannot start from software RAID: the boot loader of the image would have to be installed on each member. Use UEFI, or a root disk outside of the RAID';

/** The disks that a volume uses, in order; all if it names none. Throws an Error. */
export function membersOf(volume: WantedVolume, disks: readonly Disk[]): readonly Disk[] {
  const { raid_level, disk_type, interface_type, number_of_physical_disks: count, physical_disks: physical } = volume;
  const fixed = disks.filter(
    ({ removable, rotational, tran }) =>
      !removable &&
      (disk_type === undefined || rotational === (disk_type === 'hdd')) &&
      (interface_type === undefined || tran === interface_type),
  );
  const members = physical ? disksByHints(physical, fixed) : fixed.slice(0, count ?? fixed.length);
  const fewest = Math.max(levelTable[raid_level]?.fewest ?? 1, count ?? 0);
  if (members.length >= fewest) return members;
  const found = members.map(({ device }) => device).join(', ') || 'none';
  throw new Error(`RAID ${raid_level} needs ${fewest} disks, of which ${members.length} were found (${found})`);
}

function disksByHints(physical: readonly unknown[], disks: readonly Disk[]): readonly Disk[] {
  const members: Disk[] = [];
  for (const hints of physical) {
    const parsed = parseRootDevice(hints);
    const found = disks.find((disk) => !members.includes(disk) && fits(disk, parsed));
    if (!found) throw new Error(`no disk that is left fits the physical disk ${JSON.stringify(hints)}`);
    members.push(found);
  }
  return members;
}

function fits({ device, size_bytes, ...facts }: Disk, hints: readonly Hint[]): boolean {
  return mismatch({ ...facts, name: device, size: size_bytes / (mibPerGib * mebibyte) }, hints) === undefined;
}

/** All members of an array are equally large, so that any of them can be replaced by any disk of that size. */
function memberMib({ raid_level, size_gb }: WantedVolume, members: readonly Layout[]): number {
  const [fullest] = members.toSorted((a, b) => a.freeMib - b.freeMib);
  const { device, freeMib } = fullest!;
  const wanted =
    size_gb === 'MAX' ? leastMib : withHeadroom((size_gb * mibPerGib) / levelTable[raid_level]!.data(members.length));
  if (wanted <= freeMib) return size_gb === 'MAX' ? freeMib : wanted;
  const what = `a logical disk of size ${size_gb} needs ${wanted} MiB of each member`;
  throw new Error(`${what}, and ${device} has ${Math.max(0, freeMib)} MiB left`);
}

/** mdadm keeps up to 1/1024 of a member free in front of its data, besides superblock and bitmap. */
function withHeadroom(dataMib: number): number {
  return Math.ceil(dataMib * (1 + 1 / 1024)) + 4;
}

/** The partitions of one disk, in order. */
class Layout {
  readonly device: string;
  readonly partitions: PlannedPartition[] = [];
  readonly #endMib: number;
  #nextMib: number;

  constructor({ device, size_bytes }: Disk, { table, bootMode }: { table: 'gpt' | 'dos'; bootMode: 'bios' | 'uefi' }) {
    this.device = device;
    // The backup of a GPT is in the last sectors.
    this.#endMib = Math.floor(size_bytes / mebibyte) - 1;
    // On BIOS machines with GPT a boot loader has its own partition, for which Ironic's agent leaves the same space.
    this.#nextMib = table === 'gpt' && bootMode === 'bios' ? 8 : 1;
    if (bootMode === 'uefi') this.add('esp', espMib);
  }

  get freeMib(): number {
    return this.#endMib - this.#nextMib;
  }

  /** @returns the name of the partition */
  add(kind: PlannedPartition['kind'], sizeMib: number): string {
    this.partitions.push({ kind, startMib: this.#nextMib, sizeMib });
    this.#nextMib += sizeMib;
    return partitionOf(this.device, this.partitions.length);
  }
}

/** As the kernel names them: `/dev/sda1`, `/dev/nvme0n1p1`. */
export function partitionOf(device: string, number: number): string {
  return `${device}${/\d$/.test(device) ? 'p' : ''}${number}`;
}

/** The disk of a partition, or the name itself. */
export function diskOf(partition: string): string {
  return /^(.*\d)p\d+$/.exec(partition)?.[1] ?? /^(\/dev\/(?:[a-z]*d[a-z]+))\d+$/.exec(partition)?.[1] ?? partition;
}
