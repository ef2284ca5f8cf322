import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The checkout: sources to build from, and the default location of build results. */
export const projectRoot = join(import.meta.dirname, '..');
export const cacheFolder = join(projectRoot, '.cache');
export const packageFolder = join(cacheFolder, 'debs');

/** Hash of a build's inputs: values as JSON, files (or folders, without tests) by name and content. */
export function inputKey(values: unknown, paths: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const path of paths.flatMap(filesBelow)) hash.update(`\0${path.slice(projectRoot.length)}\0`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 32);
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter((name) => !name.endsWith('.test.ts'))
    .flatMap((name) => filesBelow(join(path, name)));
}

/** The manifest of an earlier build, if its key and files still match. */
export function readManifest<T extends { key: string }>(file: string, key: string): T | undefined {
  try {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as T;
    return manifest.key === key ? manifest : undefined;
  } catch {
    return undefined;
  }
}
