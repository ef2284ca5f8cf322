import { closeSync, openSync, writeSync } from 'node:fs';
import { Fault } from '#domain/faults.ts';
import { GrubTools, sectorBytes } from './grub.ts';

const mebibyte = 1024 * 1024;

/** The usual partition alignment; GRUB for BIOS is in the gap before. 36 MiB is the minimum of FAT32. */
export const efiPartition = { offset: mebibyte, size: 36 * mebibyte };
/** From here to the end: last, so that it can grow. */
export const rootPartitionOffset = efiPartition.offset + efiPartition.size;

/**
 * Makes a disk image file bootable by BIOS and by UEFI, without loop devices or mounts: an MBR with an EFI system
 * partition, which holds GRUB for UEFI, and an active Linux partition; GRUB's boot sector for BIOS and, in the gap
 * after it, GRUB itself.
 *
 * As GRUB makes them, `boot.img` loads sector 1 and the core image's first sector goes on at sector 2 with as many
 * sectors as `grub-mkimage` wrote there; so laying both at sectors 0 and 1 is all that installing means.
 */
export async function writeBootLoaders(
  image: { file: string; size: number; rootUuid: string },
  signal?: AbortSignal,
): Promise<void> {
  const script = `search.fs_uuid ${image.rootUuid} root\nset prefix=($root)/boot/grub\n`;
  await GrubTools.with(async (tools) => {
    await tools.efiSystemPartition({ file: image.file, ...efiPartition }, await tools.core({ platform: 'x86_64-efi', script }));
    const core = await tools.core({ platform: 'i386-pc', script });
    expectRoom(core);
    const file = openSync(image.file, 'r+');
    writeSync(file, masterBootRecord(tools.bootSector(), image.size), 0, sectorBytes, 0);
    writeSync(file, core, 0, core.length, sectorBytes);
    closeSync(file);
  }, signal);
}

function expectRoom(core: Buffer): void {
  if (core.length <= efiPartition.offset - sectorBytes) return;
  const detail = `its ${core.length} bytes do not fit before the first partition`;
  throw new Fault('toolFailed', { tool: 'grub-mkimage', detail });
}

/** Boot code (440 bytes), disk signature, four entries of 16 bytes, 55 AA. */
export function masterBootRecord(bootCode: Buffer, diskBytes: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  bootCode.copy(sector, 0, 0, 440);
  sector.writeUInt32LE(0x1960_0d15, 440);
  partitionEntry({ type: 0xef, ...efiPartition }).copy(sector, 446);
  partitionEntry({ type: 0x83, offset: rootPartitionOffset, size: diskBytes - rootPartitionOffset, active: true }).copy(
    sector,
    462,
  );
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** Cylinder and head values that mean "use LBA". */
function partitionEntry(part: { type: number; offset: number; size: number; active?: boolean }): Buffer {
  const entry = Buffer.from([part.active ? 0x80 : 0, 0xfe, 0xff, 0xff, part.type, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
  entry.writeUInt32LE(part.offset / sectorBytes, 8);
  entry.writeUInt32LE(part.size / sectorBytes, 12);
  return entry;
}
