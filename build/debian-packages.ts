import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { runCommand } from './run-command.ts';

/** A downloaded package: `version` is Debian's. */
export type DebianPackage = { name: string; version: string; file: string };

/**
 * Downloads packages (current version, no dependencies) into `folder`, without installing anything. Files that are
 * already there are not downloaded again.
 */
export async function downloadPackages(names: readonly string[], folder: string, signal?: AbortSignal): Promise<DebianPackage[]> {
  await mkdir(folder, { recursive: true });
  const wanted = await packageFiles(names, folder, signal);
  const present = new Set(await readdir(folder));
  const missing = wanted.filter(({ file }) => !present.has(basename(file)));
  if (missing.length > 0) {
    const args = ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...missing.map(({ name, version }) => `${name}=${version}`)];
    await runCommand('apt-get', args, { cwd: folder, signal });
  }
  return wanted;
}

/** Unpacks packages over each other into `stage`. */
export async function unpackPackages(packages: readonly DebianPackage[], stage: string, signal?: AbortSignal): Promise<void> {
  await mkdir(stage, { recursive: true });
  for (const { file } of packages) await runCommand('dpkg-deb', ['-x', file, stage], { signal });
}

/** The package to which a meta-package such as `linux-image-cloud-amd64` currently resolves. */
export async function dependencyOf(metaPackage: string, pattern: RegExp, signal?: AbortSignal): Promise<string> {
  const text = await runCommand('apt-cache', ['depends', '--no-recommends', '--no-suggests', metaPackage], { signal });
  const found = text.match(/Depends: (\S+)/g)?.map((line) => line.slice('Depends: '.length));
  const name = found?.find((candidate) => pattern.test(candidate));
  if (!name) throw new Fault('toolFailed', { tool: 'apt-cache', detail: `${metaPackage} depends on no package like ${pattern}` });
  return name;
}

/** Lines of `--print-uris`: 'URI' FILE SIZE HASH; the file is name_version_architecture.deb, with colons as %3a. */
async function packageFiles(names: readonly string[], folder: string, signal?: AbortSignal): Promise<DebianPackage[]> {
  const text = await runCommand('apt-get', ['-q', '--print-uris', 'download', ...names], { signal });
  const packages = [...text.matchAll(/^'[^']*' (([^_\s]+)_([^_\s]+)_\S+\.deb) /gm)].map(([, file, name, version]) => ({
    name: name as string,
    version: decodeURIComponent(version as string),
    file: join(folder, file as string),
  }));
  const got = new Set(packages.map(({ name }) => name));
  const absent = names.filter((name) => !got.has(name));
  if (absent.length > 0)
    throw new Fault('toolFailed', { tool: 'apt-get', detail: `no package ${absent.join(', ')}; is 'apt-get update' due?` });
  return packages;
}
