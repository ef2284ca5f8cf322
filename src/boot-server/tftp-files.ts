/** Places the files of boot plans under the TFTP root and removes them. Every file appears atomically. */

import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, realpath, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { BootFile, BootPlan } from '#drivers/interfaces.ts';
import { moveIntoPlace, writeAtomically } from '#files/write-atomically.ts';
import { checkDiskSpace, type DiskSpace } from '#tools/disk-room.ts';

type FirmwareFile = { readonly name: string; readonly source: string; readonly package: string };

/** Boot loaders by firmware, at the paths of Debian's packages. */
const firmwareTable: Readonly<Record<BootPlan['firmware'], readonly FirmwareFile[]>> = {
  pxelinux: [
    { name: 'pxelinux.0', source: '/usr/lib/PXELINUX/pxelinux.0', package: 'pxelinux' },
    { name: 'ldlinux.c32', source: '/usr/lib/syslinux/modules/bios/ldlinux.c32', package: 'syslinux-common' },
  ],
  ipxe: [
    { name: 'undionly.kpxe', source: '/usr/lib/ipxe/undionly.kpxe', package: 'ipxe' },
    { name: 'snponly.efi', source: '/usr/lib/ipxe/snponly.efi', package: 'ipxe' },
  ],
  none: [],
};

const configFolder = 'pxelinux.cfg';

/** All paths of a plan's files, relative to the TFTP root. */
export function laidPaths(plan: BootPlan): string[] {
  const configs = plan.pxelinux_config === undefined ? [] : plan.macs.flatMap(configPaths);
  return [...plan.files.map(({ name }) => join(plan.folder, name)), ...configs];
}

/** pxelinux requests a path made of the ARP hardware type (01 Ethernet, hexadecimal 20 InfiniBand) and the MAC. */
function configPaths({ mac, client_id }: BootPlan['macs'][number]): string[] {
  const types = client_id === undefined ? ['01'] : ['01', '20'];
  return types.map((type) => join(configFolder, `${type}-${mac.replaceAll(':', '-')}`));
}

/** The MAC to which a configuration path belongs. */
export function macOfConfig(path: string): string | undefined {
  return /^pxelinux\.cfg\/(?:01|20)-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/.exec(path)?.[1]?.replaceAll('-', ':');
}

export class TftpFiles {
  readonly root: string;
  readonly #reserve: number;

  /** @param reserve bytes that copies leave free on the disk: kernels and ramdisks are tenants' images, of any size */
  constructor(root: string, reserve = 0) {
    this.root = root;
    this.#reserve = reserve;
  }

  async prepare(): Promise<void> {
    await mkdir(join(this.root, configFolder), { recursive: true });
  }

  /** Throws `toolFailed` that names the Debian package if a boot loader is missing on this host. */
  async layFirmware(firmware: BootPlan['firmware']): Promise<void> {
    for (const { name, source, package: from } of firmwareTable[firmware]) {
      await this.#layFile(name, source).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        throw new Fault('toolFailed', { tool: name, detail: `${source} is missing; install the Debian package ${from}` });
      });
    }
  }

  /** Idempotent: existing files are kept. Configurations are written last, after all files that they name. */
  async lay(plan: BootPlan): Promise<void> {
    if (plan.files.length > 0) await mkdir(join(this.root, plan.folder), { recursive: true });
    for (const file of plan.files) await this.#lay(plan.folder, file);
    if (plan.pxelinux_config === undefined) return;
    for (const path of plan.macs.flatMap(configPaths)) await this.#layText(path, plan.pxelinux_config);
  }

  /** Removes files, then their folders if these are empty. */
  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await rm(join(this.root, path), { force: true });
    const folders = new Set(paths.map((path) => dirname(path)).filter((folder) => folder !== configFolder));
    for (const folder of folders) await rmdir(join(this.root, folder)).catch(unlessGoneOrFilled);
  }

  /** Removes all files that belong to no plan; only for a root that no other program uses. */
  async sweep(plans: readonly BootPlan[]): Promise<void> {
    const wanted = new Set([
      ...plans.flatMap(laidPaths),
      ...Object.values(firmwareTable).flatMap((files) => files.map(({ name }) => name)),
    ]);
    const entries = await readdir(this.root, { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1));
    await this.remove(paths.filter((path) => !wanted.has(path)));
  }

  async #lay(folder: string, file: BootFile): Promise<void> {
    const path = join(folder, file.name);
    if ('content' in file) return this.#layText(path, file.content);
    try {
      await this.#layFile(path, file.path);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault('imageUnusable', { image: file.name, detail: `${file.path}: ${(error as Error).message}` }, error);
    }
  }

  async #layText(path: string, text: string): Promise<void> {
    const target = join(this.root, path);
    if ((await readFile(target, 'utf8').catch(() => undefined)) === text) return;
    // dnsmasq serves only world-readable files.
    await writeAtomically(target, text, { mode: 0o644 });
  }

  async #layFile(path: string, source: string): Promise<void> {
    const target = join(this.root, path);
    const from = await realpath(source);
    const [wanted, present] = await Promise.all([stat(from), stat(target).catch(() => undefined)]);
    if (present && isSameFile(wanted, present)) return;
    await appear(target, (part) =>
      linkOrCopy(from, part, { facts: wanted, space: { folder: this.root, reserve: this.#reserve } }),
    );
  }
}

/**
 * dnsmasq, run as root, serves only world-readable files. A link would share the mode of the original, so private files
 * are copied (a reflink if the file system supports it).
 */
async function linkOrCopy(source: string, target: string, { facts, space }: { facts: Stats; space: DiskSpace }): Promise<void> {
  if (facts.mode & 0o004) {
    const linked = await link(source, target).then(
      () => true,
      () => false,
    );
    if (linked) return;
  }
  await checkDiskSpace(space, facts.size);
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o644);
  await utimes(target, facts.atime, facts.mtime);
}

/** The same inode, or our copy, which has the original's mtime. */
function isSameFile(a: Stats, b: Stats): boolean {
  // utimes keeps milliseconds, rounded.
  const sameTime = Math.abs(a.mtimeMs - b.mtimeMs) < 2;
  return (a.dev === b.dev && a.ino === b.ino) || (a.size === b.size && sameTime && (b.mode & 0o004) !== 0);
}

async function appear(target: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = join(dirname(target), `.${randomUUID()}.part`);
  try {
    await write(part);
    await moveIntoPlace(part, target);
  } finally {
    // If both names are already one inode, rename keeps the temporary one.
    await rm(part, { force: true });
  }
}

function unlessGoneOrFilled(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
