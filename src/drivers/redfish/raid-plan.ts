/** Chooses the drives of new volumes: one controller and one kind of drive for each, the fewest drives that do. */
import { Fault } from '#domain/faults.ts';
import type { LogicalDisk, RaidLevel } from '#domain/raid.ts';
import type { PlannedVolume, RaidVolume } from '../interfaces.ts';
import { type Controller, type Drive, raidTypes } from './raid-storage.ts';

type LevelRow = {
  readonly least: number;
  readonly most: number;
  /** Numbers of drives are multiples of it. */
  readonly step: number;
  /** Drives of `count` that hold no data of their own. */
  readonly overhead: (count: number) => number;
};

const most = 512;
/** Spans of 5+0 and 6+0 are two. */
const levelTable: Readonly<Partial<Record<RaidLevel, LevelRow>>> = {
  '0': { least: 1, most, step: 1, overhead: () => 0 },
  '1': { least: 2, most: 2, step: 2, overhead: () => 1 },
  '5': { least: 3, most, step: 1, overhead: () => 1 },
  '6': { least: 4, most, step: 1, overhead: () => 2 },
  '1+0': { least: 4, most, step: 2, overhead: (count) => count / 2 },
  '5+0': { least: 6, most, step: 2, overhead: () => 2 },
  '6+0': { least: 8, most, step: 2, overhead: () => 4 },
};

const gib = 1024 ** 3;

/** A controller with what is left of its drives. */
type Place = { readonly controller: Controller; readonly free: Map<string, number> };

/** @param gone ids of volumes that will have been deleted. @throws Fault `badRequest` */
export function planVolumes(
  controllers: readonly Controller[],
  { disks, gone }: { disks: readonly LogicalDisk[]; gone: readonly string[] },
): PlannedVolume[] {
  const places = controllers.map((controller): Place => ({ controller, free: freeSpace(controller, gone) }));
  return disks.map((disk, index) => planOne(places, disk, index + 1));
}

function freeSpace({ drives, volumes }: Controller, gone: readonly string[]): Map<string, number> {
  const free = new Map(drives.filter(({ isUsable }) => isUsable).map(({ id, size_bytes }) => [id, size_bytes]));
  for (const volume of volumes.filter(({ id, raid_level }) => !gone.includes(id) && raid_level !== undefined)) {
    const used = perDrive(volume);
    for (const id of volume.drives ?? []) free.set(id, Math.max(0, (free.get(id) ?? 0) - used));
  }
  return free;
}

/** All of a drive, if the volume's level is not known. */
function perDrive({ raid_level, size_bytes, drives = [] }: RaidVolume): number {
  const row = raid_level && levelTable[raid_level];
  const data = row ? drives.length - row.overhead(drives.length) : 0;
  return data > 0 ? Math.ceil(size_bytes / data) : Number.POSITIVE_INFINITY;
}

function planOne(places: readonly Place[], disk: LogicalDisk, number: number): PlannedVolume {
  const row = levelTable[disk.raid_level];
  if (!row) throw refusal(`RAID level ${disk.raid_level} is not supported by the redfish RAID interface.`);
  const fitting = places.filter(({ controller }) => disk.controller === undefined || isNamed(controller, disk.controller));
  if (fitting.length === 0) {
    const names = places.map(({ controller }) => controller.name).join(', ');
    throw refusal(`There is no RAID controller '${disk.controller ?? ''}'; there are: ${names || 'none'}.`);
  }
  const refusals: string[] = [];
  for (const place of fitting) {
    const refused = whyNotOf(place.controller, disk);
    const chosen = refused === undefined ? choose(place, disk, row) : refused;
    if (typeof chosen !== 'string') return take(place, disk, { ...chosen, row });
    refusals.push(`${place.controller.name}: ${chosen}`);
  }
  throw refusal(`No drives for logical disk ${number} (RAID ${disk.raid_level}, ${sizeOf(disk)}): ${refusals.join('; ')}.`);
}

function sizeOf({ size_gb }: LogicalDisk): string {
  return size_gb === 'MAX' ? 'as large as possible' : `${size_gb} GiB`;
}

function isNamed({ name, at }: Controller, wanted: string): boolean {
  return name === wanted || at.startsWith(`${wanted.replace(/\/+$/, '')}/`);
}

/** What its capabilities say. */
function whyNotOf({ raidTypes: supported, creation }: Controller, { raid_level, size_gb }: LogicalDisk): string | undefined {
  const type = raidTypes[raid_level];
  if (supported?.length === 0) return 'it has no RAID';
  if (supported && type !== undefined && !supported.includes(type)) return `it makes ${supported.join(', ')}`;
  return size_gb !== 'MAX' && !creation.takesSize ? 'it takes no size of a new volume: use MAX' : undefined;
}

type Chosen = { readonly drives: readonly Drive[]; readonly bytes: number };

function choose(place: Place, disk: LogicalDisk, row: LevelRow): Chosen | string {
  const { physical_disks: named, size_gb, share_physical_disks: shares = false } = disk;
  const wanted = size_gb === 'MAX' ? undefined : size_gb * gib;
  if (named) return chooseNamed(place, named.map(String), { row, wanted, shares });
  const candidates = candidatesOf(place, disk);
  const groups = [...Map.groupBy(candidates, ({ media, protocol, size_bytes }) => `${media} ${protocol} ${size_bytes}`).values()];
  if (groups.length === 0) return 'it has no unused drives of that kind';
  // The smallest drives that do; for as much as possible, the largest.
  const sorted = groups.toSorted(([a], [b]) => (wanted === undefined ? -1 : 1) * ((a?.size_bytes ?? 0) - (b?.size_bytes ?? 0)));
  for (const group of sorted) {
    for (const count of countsOf(row, group.length, disk.number_of_physical_disks)) {
      const drives = group.toSorted((a, b) => freeOf(place, a) - freeOf(place, b)).slice(-count);
      const bytes = capacity(place, drives, row);
      if (bytes > 0 && (wanted === undefined || bytes >= wanted)) return { drives, bytes: wanted ?? bytes };
    }
  }
  const largest = Math.max(...groups.map((group) => group.length));
  const count = disk.number_of_physical_disks ?? row.least;
  return largest < count ? `of at most ${largest} equal unused drives, ${count} are needed` : 'its unused drives are too small';
}

function freeOf({ free }: Place, { id }: Drive): number {
  return free.get(id) ?? 0;
}

function candidatesOf(place: Place, { disk_type, interface_type, share_physical_disks: shares }: LogicalDisk): Drive[] {
  return place.controller.drives.filter((drive) => {
    const isUnused = freeOf(place, drive) > 0 && (shares || freeOf(place, drive) === drive.size_bytes);
    const isKind = disk_type === undefined || drive.media === disk_type;
    return isUnused && isKind && (interface_type === undefined || drive.protocol?.toLowerCase() === interface_type);
  });
}

function countsOf({ least, most: largest, step }: LevelRow, there: number, wanted: number | undefined): number[] {
  const counts: number[] = [];
  for (let count = least; count <= Math.min(largest, there); count += step) counts.push(count);
  return wanted === undefined ? counts : counts.filter((count) => count === wanted);
}

type Naming = { readonly row: LevelRow; readonly wanted: number | undefined; readonly shares: boolean };

function chooseNamed(place: Place, named: readonly string[], { row, wanted, shares }: Naming): Chosen | string {
  const drives: Drive[] = [];
  for (const name of new Set(named)) {
    const drive = place.controller.drives.find((one) => one.name === name || one.id === name);
    if (!drive) return `it has no drive ${name}; it has ${place.controller.drives.map((one) => one.name).join(', ') || 'none'}`;
    if (!drive.isUsable) return `the drive ${name} cannot be used: it is absent, failing, or a spare`;
    if (freeOf(place, drive) === 0 || (!shares && freeOf(place, drive) < drive.size_bytes)) return `the drive ${name} is in use`;
    drives.push(drive);
  }
  if (countsOf(row, drives.length, drives.length).length === 0)
    return `${drives.length} drives do not make this level, which needs ${row.least}${row.most > row.least ? ' or more' : ''}`;
  const bytes = capacity(place, drives, row);
  if (bytes <= 0 || (wanted !== undefined && bytes < wanted)) return 'these drives are too small';
  return { drives, bytes: wanted ?? bytes };
}

function capacity(place: Place, drives: readonly Drive[], { overhead }: LevelRow): number {
  const least = Math.min(...drives.map((drive) => freeOf(place, drive)));
  return Math.floor(least) * (drives.length - overhead(drives.length));
}

function take({ controller, free }: Place, disk: LogicalDisk, { drives, bytes, row }: Chosen & { row: LevelRow }): PlannedVolume {
  const each = Math.ceil(bytes / (drives.length - row.overhead(drives.length)));
  // Without leave to share them, the drives are this volume's alone.
  for (const { id } of drives) free.set(id, disk.share_physical_disks ? Math.max(0, (free.get(id) ?? 0) - each) : 0);
  return {
    ...{ controller: controller.name, at: controller.at, raid_level: disk.raid_level, drives: drives.map(({ id }) => id) },
    ...(disk.size_gb !== 'MAX' && { size_bytes: bytes }),
    ...(disk.volume_name !== undefined && { name: disk.volume_name }),
  };
}

export function isSupported(level: RaidLevel): boolean {
  return levelTable[level] !== undefined;
}

function refusal(detail: string): Fault {
  return new Fault('badRequest', { detail });
}
