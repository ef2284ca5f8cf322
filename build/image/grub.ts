import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFolder } from '../cache.ts';
import { downloadPackages, unpackPackages } from '../debian-packages.ts';
import { runCommand } from '../run-command.ts';

/** GRUB, mtools and their libraries, run from a folder, so that this host's own boot loader is not touched. */
const grubPackages = [
  'grub-common',
  'grub-efi-amd64-bin',
  'grub-pc-bin',
  'libc6',
  'libdevmapper1.02.1',
  'liblzma5',
  'libpcre2-8-0',
  'libselinux1',
  'libudev1',
  'mtools',
];

const commonModules = [
  ...['part_msdos', 'part_gpt', 'fat', 'ext2', 'iso9660', 'search', 'search_fs_uuid', 'search_label'],
  ...['normal', 'configfile', 'linux', 'echo', 'reboot'],
  // For a root file system on software RAID.
  'mdraid1x',
];

const platformTable = {
  'i386-pc': ['biosdisk'],
  'i386-pc-eltorito': ['biosdisk'],
  'x86_64-efi': ['efi_gop'],
} as const;

export type GrubPlatform = keyof typeof platformTable;

/** `script`: the core image's first commands; it sets `prefix`, the location of the menu. */
export type GrubCore = { readonly platform: GrubPlatform; readonly script: string };

export class GrubTools {
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;

  private constructor(folder: string, signal: AbortSignal | undefined) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /** Passes the tools to `use`, and removes them afterwards. */
  static async with<T>(use: (tools: GrubTools) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-grub-'));
    try {
      await unpackPackages(await downloadPackages(grubPackages, packageFolder, signal), folder, signal);
      return await use(new GrubTools(folder, signal));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The first sector, which loads the core. */
  bootSector(): Buffer {
    return readFileSync(join(this.#folder, 'usr/lib/grub/i386-pc/boot.img'));
  }

  async core({ platform, script }: GrubCore): Promise<Buffer> {
    const [early, core] = [join(this.#folder, 'early.cfg'), join(this.#folder, 'core.img')];
    writeFileSync(early, script);
    const modules = join(this.#folder, 'usr/lib/grub', platform.replace('-eltorito', ''));
    const args = ['-O', platform, '-d', modules, '-c', early, '-p', '/boot/grub', '-o', core];
    await this.#run('grub-mkimage', [...args, ...commonModules, ...platformTable[platform]]);
    return readFileSync(core);
  }

  /**
   * An EFI system partition (FAT32, if there is room) with the loader at the default path that firmware starts without
   * a boot entry (the UEFI specification's removable media boot). `offset`, `size` in bytes; the file must already be
   * that long.
   */
  async efiSystemPartition(target: { file: string; offset: number; size: number }, loader: Buffer): Promise<void> {
    const file = join(this.#folder, 'loader.efi');
    writeFileSync(file, loader);
    const image = ['-i', `${target.file}@@${target.offset}`];
    const [sectors, hidden] = [target.size / sectorBytes, target.offset / sectorBytes];
    const geometry = ['-T', String(sectors), '-h', '64', '-s', '32', '-H', String(hidden)];
    await this.#mtools('mformat', [...image, ...(target.size >= leastFat32 ? ['-F'] : []), ...geometry, '-v', 'INGOT-EFI', '::']);
    await this.#mtools('mmd', [...image, '::/EFI', '::/EFI/BOOT']);
    await this.#mtools('mcopy', [...image, file, '::/EFI/BOOT/BOOTX64.EFI']);
  }

  async #mtools(name: string, args: string[]): Promise<void> {
    await this.#run('mtools', ['-c', name, ...args]);
  }

  async #run(program: string, args: string[]): Promise<void> {
    const library = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((folder) => join(this.#folder, folder)).join(':');
    const loader = join(this.#folder, 'lib64/ld-linux-x86-64.so.2');
    await runCommand(loader, ['--library-path', library, join(this.#folder, 'usr/bin', program), ...args], {
      signal: this.#signal,
    });
  }
}

export const sectorBytes = 512;
/** 65,525 clusters of one sector, and their table. */
const leastFat32 = 36 * 1024 * 1024;
