/** Integrity checks of the image store's files: disks corrupt data silently. */

import { readFile, stat } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { SingleFlight } from '#async/single-flight.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import { digestFile } from './digest.ts';

export type Digest = { algorithm: string; value: string };

const Recorded = Type.Object({ size: Type.Integer(), sha256: Type.String() });

export class SoundFiles {
  /** Separate from the conversions, which wait for checks while they hold a slot. */
  readonly #checks = new SingleFlight(2);
  /** Path → size, mtime and inode of a file with a verified digest. */
  readonly #sound = new Map<string, string>();

  /**
   * Hashes once per state of the file; concurrent callers share the run.
   * @returns the actual digest if it differs; undefined if the file is intact
   */
  async findOther(path: string, expected: Digest, signal: AbortSignal): Promise<string | undefined> {
    const state = await stateOf(path);
    if (this.#sound.get(path) === state) return undefined;
    const actual = await this.#checks.run(`${path} ${state}`, () => digestFile(path, expected.algorithm, signal));
    if (actual !== expected.value) return actual;
    this.#sound.set(path, state);
    return undefined;
  }

  /** Verifies the files in this folder again on next use. */
  forget(folder: string): void {
    for (const path of this.#sound.keys()) if (path.startsWith(`${folder}/`)) this.#sound.delete(path);
  }
}

async function stateOf(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return `${size} ${mtimeMs} ${ino}`;
}

/** Writes the digest's sidecar before the file itself gets its name. */
export async function recordDigest(made: string, path: string, signal: AbortSignal): Promise<void> {
  const [{ size }, sha256] = [await stat(made), await digestFile(made, 'sha256', signal)];
  await writeAtomically(`${path}.json`, JSON.stringify({ size, sha256 }));
}

/** The recorded digest; undefined if there is none, as for files of an earlier version. */
export async function recordedDigest(path: string): Promise<Digest | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(`${path}.json`, 'utf8'));
    return Value.Check(Recorded, value) ? { algorithm: 'sha256', value: value.sha256 } : undefined;
  } catch {
    return undefined;
  }
}
