/** Disk images with boot loaders, made by the programs that people use: sfdisk, sgdisk, mkfs.vfat, mtools. */
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mib = 1024 * 1024;
const sectorBytes = 512;
export const bootDiskTools = ['sfdisk', 'mkfs.vfat', 'mcopy', 'mmd'];

/** iPXE of Debian, a true EFI program for x86_64. */
export function efiProgram(): Buffer {
  return readFileSync('/usr/lib/ipxe/snponly.efi');
}

/** The same with another machine type in its PE header: what firmware looks at before it starts one. */
export function efiProgramFor(machine: number): Buffer {
  const program = efiProgram();
  program.writeUInt16LE(machine, program.readUInt32LE(0x3c) + 4);
  return program;
}

export type BootDisk = {
  /** Of sfdisk; absent = no partition table, the FAT has the whole disk. */
  label?: 'gpt' | 'dos';
  /** Lines of sfdisk; default: one EFI system partition from 1 MiB on. */
  partitions?: string;
  fat?: 12 | 16 | 32;
  clusterSectors?: number;
  mib?: number;
  /** Where the FAT begins and its size, MiB. */
  start?: number;
  room?: number;
  /** By path, with upper-case folders. */
  files?: Readonly<Record<string, Buffer>>;
  /** Bytes of the first sector. */
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
