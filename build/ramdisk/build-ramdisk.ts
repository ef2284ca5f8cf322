import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomicallySync } from '#files/write-atomically.ts';
import type { Announce } from '../announce.ts';
import { cacheFolder, inputKey, projectRoot, readManifest } from '../cache.ts';
import { oneBuildAtATime } from '../one-build.ts';
import { agentEntries } from './agent-layer.ts';
import { type BaseLayer, buildBaseLayer, nodeBinary, scriptFiles } from './base-layer.ts';
import { cpioArchive, padding } from './cpio.ts';
import { type ProfileName, profileTable, programPackages, programs } from './profiles.ts';

export type RamdiskManifest = BaseLayer & {
  key: string;
  profile: ProfileName;
  built: string;
  kernelBytes: number;
  ramdiskBytes: number;
};

export type Ramdisk = { kernel: string; ramdisk: string; manifest: RamdiskManifest };

export type RamdiskOptions = {
  profile: ProfileName;
  /** Default `.cache/ramdisk/<profile>`. */
  out?: string;
  /** Rebuild even if no input has changed: for newer Debian packages. */
  refresh?: boolean;
  announce?: Announce;
};

/**
 * Builds kernel and ramdisk of a profile. The ramdisk is two concatenated archives, which the kernel supports: a large
 * compressed one that rarely changes, and the agent's few files. Each is built only when its inputs have changed.
 */
export function buildRamdisk(options: RamdiskOptions): Promise<Ramdisk> {
  const out = options.out ?? join(cacheFolder, 'ramdisk', options.profile);
  return oneBuildAtATime(out, () => buildInto(out, options), options);
}

async function buildInto(out: string, { profile: name, refresh = false, announce = () => {} }: RamdiskOptions): Promise<Ramdisk> {
  const files = { kernel: join(out, 'kernel'), ramdisk: join(out, 'ramdisk'), manifest: join(out, 'manifest.json') };
  const layer = join(out, 'base-layer.zst');

  const baseKey = baseLayerKey(name);
  const key = inputKey(baseKey, [join(projectRoot, 'agent'), join(projectRoot, 'agent-protocol'), import.meta.filename]);
  const former = readManifest<RamdiskManifest>(files.manifest, key);
  if (former && !refresh && sizesFit(files, former)) return { ...files, manifest: former };

  const baseFile = join(out, 'base-layer.json');
  let base = refresh ? undefined : readManifest<BaseLayer & { key: string }>(baseFile, baseKey);
  if (!base) {
    base = { key: baseKey, ...(await buildBaseLayer(profileTable[name], { kernel: files.kernel, layer }, announce)) };
    writeAtomicallySync(baseFile, JSON.stringify(base, null, 2), { mode: 0o644 });
  }
  joinLayers(layer, files.ramdisk);
  const manifest: RamdiskManifest = {
    ...base,
    key,
    profile: name,
    built: new Date().toISOString(),
    kernelBytes: statSync(files.kernel).size,
    ramdiskBytes: statSync(files.ramdisk).size,
  };
  writeAtomicallySync(files.manifest, JSON.stringify(manifest, null, 2), { mode: 0o644 });
  return { ...files, manifest };
}

function baseLayerKey(name: ProfileName): string {
  const values = [profileTable[name], programPackages, programs, process.version, statSync(nodeBinary).size];
  const sources = ['base-layer.ts', 'cpio.ts', 'kernel-modules.ts', 'libraries.ts'].map((file) =>
    join(import.meta.dirname, file),
  );
  return inputKey(values, [...sources, ...scriptFiles]);
}

function joinLayers(layer: string, ramdisk: string): void {
  const base = readFileSync(layer);
  const agent = Buffer.concat([...cpioArchive(agentEntries())]);
  // The kernel looks for an uncompressed archive only at addresses divisible by four.
  writeAtomicallySync(ramdisk, Buffer.concat([base, padding(base.length), agent]), { mode: 0o644 });
}

function sizesFit(files: { kernel: string; ramdisk: string }, manifest: RamdiskManifest): boolean {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size;
  return size(files.kernel) === manifest.kernelBytes && size(files.ramdisk) === manifest.ramdiskBytes;
}
