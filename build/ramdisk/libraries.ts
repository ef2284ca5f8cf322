import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { runCommand } from '../run-command.ts';

/** Debian's folder of amd64 libraries, below the stage. */
const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'];
const loader = 'lib64/ld-linux-x86-64.so.2';

/**
 * The shared libraries (paths below `stage`) that programs need, recursively. Throws `toolFailed` when a library is in
 * none of the packages.
 */
export async function librariesOf(stage: string, programs: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  let fresh = [...programs];
  while (fresh.length > 0) {
    const names = await neededBy(fresh);
    fresh = [];
    for (const name of names) {
      if (found.has(name) || name.startsWith('ld-linux')) continue;
      const path = libraryFolders.map((folder) => join(folder, name)).find((candidate) => existsSync(join(stage, candidate)));
      if (!path) throw new Fault('toolFailed', { tool: 'ramdisk build', detail: `no package of the profile has ${name}` });
      found.set(name, path);
      fresh.push(join(stage, path));
    }
  }
  return [loader, ...found.values()].sort();
}

async function neededBy(files: readonly string[]): Promise<Set<string>> {
  const text = await runCommand('readelf', ['-d', ...files]);
  return new Set([...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name as string));
}
