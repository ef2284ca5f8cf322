import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { packageFolder } from '../cache.ts';
import { downloadPackages, unpackPackages } from '../debian-packages.ts';
import { runCommand } from '../run-command.ts';

const sectorBytes = 512;
/** First partition, as every tool aligns it today; the boot loader lives in the gap before it. */
export const firstPartitionOffset = 1024 * 1024;

/** GRUB and the libraries its image maker needs: run from a folder, so that this host's own boot loader is left alone. */
const grubPackages = [
  'grub-common',
  'grub-pc-bin',
  'libc6',
  'libdevmapper1.02.1',
  'liblzma5',
  'libpcre2-8-0',
  'libselinux1',
  'libudev1',
];
const grubModules = [
  'biosdisk',
  'part_msdos',
  'part_gpt',
  'ext2',
  'search',
  'search_fs_uuid',
  'normal',
  'configfile',
  'linux',
  'echo',
  'reboot',
];

/**
 * Makes a disk image file bootable by BIOS, without loop devices or mounts: an MBR with one active Linux partition
 * from 1 MiB to the end, GRUB's boot sector and, in the gap after it, GRUB itself.
 *
 * As GRUB makes them, `boot.img` loads sector 1 and the core image's first sector goes on at sector 2 with as many
 * sectors as `grub-mkimage` wrote there; so laying both at sectors 0 and 1 is all that installing means.
 */
export async function writeBootSector(
  image: { file: string; size: number; rootUuid: string },
  signal?: AbortSignal,
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'ingot-grub-'));
  try {
    const stage = join(work, 'stage');
    await unpackPackages(await downloadPackages(grubPackages, packageFolder, signal), stage, signal);
    const core = await makeCore(stage, { work, rootUuid: image.rootUuid }, signal);
    const boot = readFileSync(join(stage, 'usr/lib/grub/i386-pc/boot.img'));
    const file = openSync(image.file, 'r+');
    writeSync(file, masterBootRecord(boot, image.size), 0, sectorBytes, 0);
    writeSync(file, core, 0, core.length, sectorBytes);
    closeSync(file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function makeCore(stage: string, parts: { work: string; rootUuid: string }, signal?: AbortSignal): Promise<Buffer> {
  const early = join(parts.work, 'early.cfg');
  const core = join(parts.work, 'core.img');
  writeFileSync(early, `search.fs_uuid ${parts.rootUuid} root\nset prefix=($root)/boot/grub\n`);
  const library = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((folder) => join(stage, folder)).join(':');
  const make = [join(stage, 'usr/bin/grub-mkimage'), '-O', 'i386-pc', '-d', join(stage, 'usr/lib/grub/i386-pc')];
  const args = ['--library-path', library, ...make, '-c', early, '-p', '/boot/grub', '-o', core, ...grubModules];
  await runCommand(join(stage, 'lib64/ld-linux-x86-64.so.2'), args, { signal });
  const content = readFileSync(core);
  if (content.length > firstPartitionOffset - sectorBytes) {
    throw new Fault('toolFailed', {
      tool: 'grub-mkimage',
      detail: `its ${content.length} bytes do not fit before the first partition`,
    });
  }
  return content;
}

/** Boot code (440 bytes), disk signature, four entries of 16 bytes, 55 AA. Cylinders and heads are the "see LBA" of today. */
export function masterBootRecord(bootCode: Buffer, diskBytes: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  bootCode.copy(sector, 0, 0, 440);
  sector.writeUInt32LE(0x1960_0d15, 440);
  const start = firstPartitionOffset / sectorBytes;
  const entry = sector.subarray(446, 462);
  entry.set([0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
  entry.writeUInt32LE(start, 8);
  entry.writeUInt32LE(diskBytes / sectorBytes - start, 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
