import type { Disk } from './messages.ts';
import { type DiskFacts, type Hint, mismatch, parseRootDevice } from './root-device.ts';

const gibibyte = 1024 ** 3;

export type RootDeviceRequest = { hints?: Readonly<Record<string, string>>; minimumBytes: number };

/** The smallest disk that is large enough and matches every hint. Throws with the reason per disk, before any write. */
export function chooseDisk(disks: readonly Disk[], { hints, minimumBytes }: RootDeviceRequest): Disk {
  const parsed = parseRootDevice(hints);
  const reasons = disks.map((disk) => whyNot(disk, parsed, minimumBytes));
  const fitting = disks.filter((_, index) => !reasons[index]).sort((a, b) => a.size_bytes - b.size_bytes);
  if (fitting[0]) return fitting[0];
  if (disks.length === 0) throw new Error('no disk was found on this machine');
  throw new Error(`no disk fits: ${disks.map(({ device }, index) => `${device} ${reasons[index]}`).join('; ')}`);
}

function whyNot(disk: Disk, hints: readonly Hint[], minimumBytes: number): string | undefined {
  if (disk.removable) return 'is removable';
  if (disk.size_bytes < minimumBytes) return `has ${disk.size_bytes} bytes of the ${minimumBytes} needed`;
  return mismatch(factsOf(disk), hints);
}

function factsOf(disk: Disk): DiskFacts {
  const { device, size_bytes, ...facts } = disk;
  return { ...facts, name: device, size: size_bytes / gibibyte };
}
