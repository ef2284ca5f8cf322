/** Disk images with boot loaders, created by common programs: sfdisk, sgdisk, mkfs.vfat, mtools. */
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mib = 1024 * 1024;
const sectorBytes = 512;
export const bootDiskTools = ['sfdisk', 'mkfs.vfat', 'mcopy', 'mmd'];

/** Debian's iPXE, a real EFI program for x86_64. */
export function efiProgram(): Buffer {
  return readFileSync('/usr/lib/ipxe/snponly.efi');
}

/** The same with another machine type in its PE header, which firmware checks before it starts a program. */
export function efiProgramFor(machine: number): Buffer {
  const program = efiProgram();
  program.writeUInt16LE(machine, program.readUInt32LE(0x3c) + 4);
  return program;
}

export type BootDisk = {
  /** sfdisk's label; absent = no partition table, the FAT fills the whole disk. */
  label?: 'gpt' | 'dos';
  /** sfdisk's lines; default: one EFI system partition from 1 MiB on. */
  partitions?: string;
  fat?: 12 | 16 | 32;
  clusterSectors?: number;
  mib?: number;
  /** Offset and size of the FAT, MiB. */
  start?: number;
  room?: number;
  /** By path, with upper-case folders. */
  files?: Readonly<Record<string, Buffer>>;
  /** Content of the first sector. */
  bootCode?: Buffer;
};

/** @returns the path of the raw disk */
export function makeBootDisk(folder: string, name: string, plan: BootDisk): string {
  const { label, fat = 32, start = label ? 1 : 0, files = {} } = plan;
  const size = plan.mib ?? 64;
  const room = plan.room ?? size - start - 1;
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, size * mib);
  if (label) {
    const only = `start=${start * (mib / sectorBytes)}, size=${room * (mib / sectorBytes)}, type=${label === 'gpt' ? 'uefi' : 'ef'}`;
    const input = `label: ${label}\n${plan.partitions ?? only}\n`;
    execFileSync('sfdisk', ['-q', path], { input });
  }
  const shape = ['-F', String(fat), ...(plan.clusterSectors ? ['-s', String(plan.clusterSectors)] : [])];
  const place = ['--offset', String((start * mib) / sectorBytes), path, String(room * 1024)];
  execFileSync('mkfs.vfat', [...shape, '-g', '64/32', ...place], { stdio: 'pipe' });
  fill(folder, { path, start }, files);
  if (plan.bootCode) writeAt(path, plan.bootCode, 0);
  return path;
}

export function writeAt(path: string, bytes: Buffer, at: number): void {
  const disk = readFileSync(path);
  bytes.copy(disk, at);
  writeFileSync(path, disk);
}

function fill(folder: string, { path, start }: { path: string; start: number }, files: Readonly<Record<string, Buffer>>): void {
  const at = `${path}@@${start}M`;
  const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
  const folders = Object.keys(files).flatMap((file) =>
    file
      .split('/')
      .slice(1, -1)
      .map((_, index, all) => all.slice(0, index + 1).join('/')),
  );
  for (const each of new Set(folders)) execFileSync('mmd', ['-i', at, `::/${each}`], { env, stdio: 'pipe' });
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(folder, 'to-copy'), content);
    execFileSync('mcopy', ['-i', at, join(folder, 'to-copy'), `::${file}`], { env, stdio: 'pipe' });
  }
}
