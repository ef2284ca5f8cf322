/** The bootable contents of a disk image, and whether they fit a machine. */
import { knownArchitecture } from './architectures.ts';

export type BootContents = {
  /**
   * `file system`: without partitions, named by `file_system`. `unknown`: neither a partition table nor any known
   * content.
   */
  layout: 'gpt' | 'mbr' | 'iso9660' | 'file system' | 'unknown';
  file_system?: string;
  /** The first sector has boot code for a BIOS (signature 55 AA). */
  boot_code: boolean;
  efi_loaders: EfiLoader[];
  /** Parts that could not be read completely: contents not found may still be there. */
  unread: string[];
  /** Errors in the partition table, for display. */
  damage: string[];
  /** Why the image must be truncated, if a partition lies beyond its end. */
  cut_off?: string;
};

export type EfiLoader = {
  /** `/EFI/BOOT/BOOTX64.EFI`, in 8.3 names. */
  path: string;
  /** From its PE header; null: not an EFI program. `any`: EFI byte code. */
  architecture: string | null;
  /** At the default path of removable media (UEFI 2.10 section 3.5.1.1), with the name of its architecture. */
  is_default: boolean;
};

export type BootMode = 'bios' | 'uefi';
/** Unknown fields are left out. */
export type BootTarget = { boot_mode?: BootMode | undefined; architecture?: string | undefined };

/** Often confused in image properties, and either firmware may be 32-bit. */
const pcs = ['x86_64', 'i686'];
const isPc = (architecture: string) => pcs.includes(architecture);

/** Why no firmware of such a machine boots the image, as part of a sentence; undefined: it may boot. */
export function whyNotBootable(contents: BootContents, target: BootTarget): string | undefined {
  const architecture = knownArchitecture(target.architecture ?? '');
  const machine = { ...target, architecture };
  if (contents.cut_off) return contents.cut_off;
  if (startsByBios(contents, machine) || startsByUefi(contents, machine) || mayStartOtherwise(contents, machine))
    return undefined;
  return [`it has ${describe(contents)}`, describeTarget(machine), ...contents.damage].filter(Boolean).join('; ');
}

function startsByBios({ boot_code }: BootContents, { boot_mode, architecture }: BootTarget): boolean {
  return boot_code && boot_mode !== 'uefi' && (!architecture || isPc(architecture));
}

/** A loader at another path is started only by a boot entry of the firmware. */
function startsByUefi({ efi_loaders, unread }: BootContents, { boot_mode, architecture }: BootTarget): boolean {
  if (boot_mode === 'bios') return false;
  return unread.length > 0 || efi_loaders.some((loader) => fits(loader, architecture));
}

function fits({ architecture }: EfiLoader, wanted: string | undefined): boolean {
  if (architecture === null) return false;
  if (!wanted || architecture === 'any' || architecture === wanted) return true;
  return isPc(wanted) && isPc(architecture);
}

/** Arm boards with U-Boot and POWER with petitboot boot from partitions without an EFI loader. */
function mayStartOtherwise({ layout, efi_loaders }: BootContents, { boot_mode, architecture }: BootTarget): boolean {
  if (!architecture || isPc(architecture)) return false;
  return !boot_mode && layout !== 'unknown' && efi_loaders.length === 0;
}

function describe({ layout, file_system, boot_code, efi_loaders }: BootContents): string {
  const programs = efi_loaders.filter(({ architecture }) => architecture !== null);
  const architectures = [...new Set(programs.map(({ architecture }) => architecture))].join(' and ');
  const found = [
    ...(boot_code ? ['boot code for BIOS'] : []),
    ...(programs.length > 0 ? [`an EFI loader for ${architectures} (${programs[0]?.path})`] : []),
  ];
  if (found.length > 0) return `${found.join(' and ')} only`;
  const noProgram = efi_loaders[0] && ` (${efi_loaders[0].path} is not an EFI program)`;
  return `no boot loader${noProgram ?? ''}: ${layoutTable[layout](file_system)}`;
}

const layoutTable: Readonly<Record<BootContents['layout'], (fileSystem: string | undefined) => string>> = {
  gpt: () => 'a GPT without boot code and without an EFI loader',
  mbr: () => 'an MBR without boot code and without an EFI loader',
  iso9660: () => 'an ISO 9660 file system that firmware does not boot from a disk',
  'file system': (name) =>
    `it is one ${name} file system without a partition table (a partition image needs the properties kernel_id and ramdisk_id)`,
  unknown: () => 'no boot sector, partition table or file system was recognised',
};

const modeNames = { bios: 'BIOS', uefi: 'UEFI' } as const;

function describeTarget({ boot_mode, architecture }: BootTarget): string | undefined {
  if (!boot_mode && !architecture) return undefined;
  const mode = boot_mode && `boots by ${modeNames[boot_mode]}`;
  return `the machine ${[architecture && `is ${architecture}`, mode].filter(Boolean).join(' and ')}`;
}

/** Remarks on an image that may boot. */
export function bootRemarks(contents: BootContents, { boot_mode, architecture }: BootTarget): string[] {
  const { efi_loaders, unread, damage } = contents;
  const wanted = knownArchitecture(architecture ?? '');
  const loaders = boot_mode === 'bios' ? [] : efi_loaders.filter((loader) => fits(loader, wanted));
  const hidden = loaders.length > 0 && !loaders.some(({ is_default }) => is_default) ? loaders[0]?.path : undefined;
  return [
    ...damage,
    ...unread,
    ...(hidden ? [`its EFI loader is ${hidden}, not below /EFI/BOOT: firmware without an entry for it does not find it`] : []),
  ];
}

/** The image property that skips the check of boot contents. */
export function skipsBootCheck(properties: Readonly<Record<string, unknown>>): boolean {
  return properties['ingot_boot_check'] === 'skip';
}
