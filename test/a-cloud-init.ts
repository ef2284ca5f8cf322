/**
 * Debian's cloud-init as a reader of config drives. Its package is unpacked, not installed: installed it would take
 * over this machine.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageFolder } from '#build/cache.ts';
import { downloadPackages, unpackPackages } from '#build/debian-packages.ts';

export type CloudInit = {
  metadata: Record<string, unknown>;
  /** In base64. */
  user_data: string;
  /** The parts of user data, by type. */
  parts: { type: string; text: string }[];
  files: Record<string, string>;
  /** Per kind of system: files by name, or the `error` with which network setup is refused. */
  networks: Record<'netplan' | 'ifupdown' | 'sysconfig', Record<string, string>>;
};

const run = promisify(execFile);
/** The Python that has Debian's modules; another may come first on PATH. */
const python = '/usr/bin/python3';
const referee = join(import.meta.dirname, 'cloud-init-referee.py');
const downloadMs = 60_000;

/** @returns the folder of its modules, or why they are not available */
export async function cloudInitModules(folder: string): Promise<{ modules: string } | { reason: string }> {
  const modules = join(folder, 'cloud-init/usr/lib/python3/dist-packages');
  try {
    const packages = await downloadPackages(['cloud-init', 'python3-configobj'], packageFolder, AbortSignal.timeout(downloadMs));
    await unpackPackages(packages, join(folder, 'cloud-init'));
    await run(python, [
      '-c',
      `import sys; sys.path.insert(0, ${JSON.stringify(modules)}); import cloudinit.sources.DataSourceConfigDrive`,
    ]);
    return { modules };
  } catch (error) {
    return { reason: `cloud-init cannot be had here: ${error instanceof Error ? error.message : error}` };
  }
}

/** @param nics MAC → name of each NIC of the machine */
export async function readAsCloudInit(
  modules: string,
  { folder, files, nics }: { folder: string; files: Readonly<Record<string, Buffer>>; nics: Readonly<Record<string, string>> },
): Promise<CloudInit> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  const pairs = Object.entries(nics).map(([mac, name]) => `${mac}=${name}`);
  const { stdout } = await run(python, [referee, modules, folder, ...pairs]);
  return JSON.parse(stdout);
}
