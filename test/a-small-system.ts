/** A Linux system of kernel and shell that boots in seconds, and real boot media that contain it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { packageFolder } from '#build/cache.ts';
import { dependencyOf, downloadPackages, unpackPackages } from '#build/debian-packages.ts';
import type { GrubTools } from '#build/image/grub.ts';
import { type CpioEntry, cpioArchive } from '#build/ramdisk/cpio.ts';

/** Modules for a virtio disk, in load order. */
export const diskModules = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_legacy_dev', 'virtio/virtio_pci_modern_dev'],
  ...['virtio/virtio_pci', 'block/virtio_blk'],
];
/** Modules for reading the power button. */
export const buttonModules = ['acpi/button', 'input/evdev'];

/** Unpacks Debian's cloud kernel to `file`. @returns the folder of its modules, in `stage` */
export async function layKernel(file: string, fixture: string): Promise<string> {
  const kernel = await dependencyOf('linux-image-cloud-amd64', /^linux-image-.*-cloud-amd64$/);
  await unpackPackages(await downloadPackages([kernel], packageFolder), fixture);
  const version = kernel.replace('linux-image-', '');
  copyFileSync(join(fixture, 'boot', `vmlinuz-${version}`), file);
  return join(fixture, 'lib/modules', version, 'kernel/drivers');
}

export type RamdiskParts = {
  /** From `layKernel`. */
  drivers: string;
  /** By path below `drivers`; in the root folder they are named NAME.ko. */
  modules: readonly string[];
  /** A busybox shell script. */
  init: string;
  files?: Readonly<Record<string, Buffer>>;
};

export function smallRamdisk({ drivers, modules, init, files = {} }: RamdiskParts): Buffer {
  const file = (path: string, content: Buffer): CpioEntry => ({ type: 'file', path, mode: 0o755, content });
  const folders = ['bin', 'proc', 'sys', 'dev'].map((path): CpioEntry => ({ type: 'folder', path, mode: 0o755 }));
  const entries = [
    ...folders,
    file('bin/busybox', readFileSync('/bin/busybox')),
    ...modules.map((module) => file(`${basename(module)}.ko`, readFileSync(join(drivers, `${module}.ko`)))),
    ...Object.entries(files).map(([path, content]) => file(path, content)),
    file('init', Buffer.from(`#!/bin/busybox sh\n${shellStart}${insert(modules)}${init}`)),
  ];
  return Buffer.concat([...cpioArchive(entries)]);
}

const shellStart = `/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
give_up() { echo FAILED; poweroff -f; }
`;

function insert(modules: readonly string[]): string {
  return modules.map((module) => `insmod /${basename(module)}.ko || give_up\n`).join('');
}

/** Real-mode code that prints a text through the firmware, and halts. */
export function bootSector(text: string): Buffer {
  const sector = Buffer.alloc(512);
  // mov si, text; next: lodsb; test al, al; jz end; mov ah, 0x0e; int 0x10; jmp next; end: hlt; jmp end
  sector.set([0xbe, 0x13, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5, 0xf4, 0xeb, 0xfd]);
  sector.write(text, 0x13, 'latin1');
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** A disk of 9 MiB with only an EFI system partition, whose loader prints a text and waits. */
export async function uefiDisk(tools: GrubTools, text: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-uefi-disk-'));
  try {
    const file = join(folder, 'disk');
    writeFileSync(file, '');
    truncateSync(file, 9 << 20);
    execFileSync('sfdisk', ['-q', file], { input: 'label: dos\nstart=1MiB, size=8MiB, type=ef\n' });
    const loader = await tools.core({ platform: 'x86_64-efi', script: `echo "${text}"\n` });
    await tools.efiSystemPartition({ file, offset: 1 << 20, size: 8 << 20 }, loader);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export type IsoParts = { kernel: string; ramdisk: Buffer; parameters: string };

/**
 * An ISO 9660 file that boots on both firmwares: El Torito with GRUB for BIOS and, in an EFI system partition, UEFI.
 */
export async function bootableIso(tools: GrubTools, iso: string, parts: IsoParts): Promise<void> {
  const tree = mkdtempSync(join(tmpdir(), 'ingot-iso-'));
  try {
    mkdirSync(join(tree, 'boot/grub'), { recursive: true });
    copyFileSync(parts.kernel, join(tree, 'boot/kernel'));
    writeFileSync(join(tree, 'boot/ramdisk'), parts.ramdisk);
    const menu = `linux /boot/kernel ${parts.parameters}\ninitrd /boot/ramdisk\nboot\n`;
    writeFileSync(join(tree, 'boot/grub/grub.cfg'), menu);
    const script = 'search.fs_label INGOT_TEST root\nset prefix=($root)/boot/grub\n';
    writeFileSync(join(tree, 'boot/bios.img'), await tools.core({ platform: 'i386-pc-eltorito', script }));
    const efi = join(tree, 'boot/efi.img');
    writeFileSync(efi, '');
    truncateSync(efi, 4 << 20);
    await tools.efiSystemPartition({ file: efi, offset: 0, size: 4 << 20 }, await tools.core({ platform: 'x86_64-efi', script }));
    const bios = ['-b', 'boot/bios.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'];
    const uefi = ['-eltorito-alt-boot', '-e', 'boot/efi.img', '-no-emul-boot'];
    execFileSync('genisoimage', ['-quiet', '-R', '-V', 'INGOT_TEST', '-c', 'boot/catalog', ...bios, ...uefi, '-o', iso, tree]);
  } finally {
    rmSync(tree, { recursive: true });
  }
}
