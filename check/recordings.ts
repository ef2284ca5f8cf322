/**
 * Third-party recordings of real BMCs: archives in a folder beside the project (`../shared/recordings`, or the one that
 * INGOT_RECORDINGS names), unpacked once into the cache. Without the folder the tests that replay them are skipped.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from './sources.ts';

/** Variable through which the tests find them, and archive, which holds one folder of the same name. */
const archives = { REFEREE_REDFISH_RECORDINGS: 'redfish', REFEREE_IPMI_RECORDINGS: 'ipmi' } as const;

/** @returns variables to add to the environment of tests. Throws when an archive cannot be unpacked. */
export function provideRecordings(from: NodeJS.ProcessEnv = process.env, cache = join(root, '.cache/recordings')) {
  const folder = resolve(root, from['INGOT_RECORDINGS'] ?? '../shared/recordings');
  const provided = Object.entries(archives).flatMap(([variable, name]) => {
    const archive = join(folder, `${name}.tar.xz`);
    return existsSync(archive) ? [[variable, join(unpack(archive, cache, name), name)] as const] : [];
  });
  return Object.fromEntries(provided);
}

/** Atomic, even with concurrent runs: the folder gets its name when it is complete. */
function unpack(archive: string, cache: string, name: string): string {
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex').slice(0, 16);
  const target = join(cache, `${name}-${digest}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, '.fresh-'));
  try {
    // tar finds xz itself.
    execFileSync('tar', ['-xJf', archive, '-C', fresh, '--no-same-owner'], { stdio: ['ignore', 'ignore', 'pipe'] });
    moveTo(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  for (const old of readdirSync(cache)) {
    if (old.startsWith(`${name}-`) && join(cache, old) !== target) rmSync(join(cache, old), { recursive: true, force: true });
  }
  return target;
}

/** A concurrent run may have finished first with the same content. */
function moveTo(fresh: string, target: string): void {
  try {
    renameSync(fresh, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}
