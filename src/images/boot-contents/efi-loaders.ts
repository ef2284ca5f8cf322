/** EFI programs of a FAT volume that firmware may start, and their processor architectures. */
import type { EfiLoader } from '#domain/boot-contents.ts';
import { DiskContentsError } from './disk-bytes.ts';
import type { FatEntry, FatVolume } from './fat.ts';

/** PE/COFF specification, "Machine Types"; UEFI 2.10 section 2.1.1. */
const machineTable: Readonly<Record<number, string>> = {
  332: 'i686',
  448: 'arm',
  450: 'arm',
  452: 'arm',
  512: 'ia64',
  3772: 'any',
  20530: 'riscv32',
  20580: 'riscv64',
  25138: 'loongarch32',
  25188: 'loongarch64',
  34404: 'x86_64',
  43620: 'aarch64',
};

/** UEFI 2.10 table 3-2. BOOTRISCV64.EFI and the like exceed 8.3, so their short names are matched by prefix. */
const defaultNameTable: readonly (readonly [name: RegExp, architectures: readonly string[]])[] = [
  [/^\/EFI\/BOOT\/BOOTX64\.EFI$/, ['x86_64']],
  [/^\/EFI\/BOOT\/BOOTIA32\.EFI$/, ['i686']],
  [/^\/EFI\/BOOT\/BOOTIA64\.EFI$/, ['ia64']],
  [/^\/EFI\/BOOT\/BOOTAA64\.EFI$/, ['aarch64']],
  [/^\/EFI\/BOOT\/BOOTARM\.EFI$/, ['arm']],
  [/^\/EFI\/BOOT\/BOOTRI~\d\.EFI$/, ['riscv64', 'riscv32']],
  [/^\/EFI\/BOOT\/BOOTLO~\d\.EFI$/, ['loongarch64', 'loongarch32']],
];

/** The PE header must begin within this: EFI programs begin with about 200 bytes of DOS. */
const headBytes = 4096;

/** Windows has its loader at /EFI/Microsoft/Boot, among many other files. */
const deepest = 3;
const mostFolders = 256;

/** @throws DiskContentsError if the volume cannot be read completely */
export async function efiLoaders(volume: FatVolume): Promise<EfiLoader[]> {
  const efi = (await volume.list()).find(({ name, isDirectory }) => isDirectory && name === 'EFI');
  const folders = efi ? [{ path: '/EFI', entry: efi, depth: 0 }] : [];
  const loaders: EfiLoader[] = [];
  // The list grows during the iteration.
  for (const { path, entry, depth } of folders) {
    for (const each of await volume.list(entry)) {
      const trx = `${path}/${each.name}`;
      if (!each.isDirectory && each.name.endsWith('.EFI')) loaders.push(await describeLoader(volume, trx, each));
      if (each.isDirectory && depth < deepest) folders.push({ path: trx, entry: each, depth: depth + 1 });
    }
    if (folders.length > mostFolders) throw new DiskContentsError('there are too many folders in /EFI');
  }
  return loaders.sort((left, right) => Number(right.is_default) - Number(left.is_default));
}

async function describeLoader(volume: FatVolume, path: string, file: FatEntry): Promise<EfiLoader> {
  const architecture = architectureOf(await volume.head(file, headBytes));
  const named = defaultNameTable.find(([name]) => name.test(path))?.[1];
  return { path, architecture, is_default: named !== undefined && architecture !== null && named.includes(architecture) };
}

/** From the PE header in its first bytes; null if there is none. */
export function architectureOf(head: Buffer): string | null {
  if (head.length < 64 || head.toString('latin1', 0, 2) !== 'MZ') return null;
  const at = head.readUInt32LE(0x3c);
  if (at + 6 > head.length || head.toString('latin1', at, at + 4) !== 'PE\0\0') return null;
  const machine = head.readUInt16LE(at + 4);
  return machineTable[machine] ?? `machine type 0x${machine.toString(16).padStart(4, '0')}`;
}
