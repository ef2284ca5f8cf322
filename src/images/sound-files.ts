/** Whether files of the image store still hold what was written: bytes on a disk rot, and nothing else tells. */
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { digestFile } from './digest.ts';
import { SingleFlight } from './single-flight.ts';

export type Digest = { algorithm: string; value: string };

const Recorded = Type.Object({ size: Type.Integer(), sha256: Type.String() });

export class SoundFiles {
  /** Apart from the conversions: those wait for checks while they hold their place. */
  readonly #checks = new SingleFlight(2);
  /** Path → size, time and inode of the file whose digest was found right. */
  readonly #sound = new Map<string, string>();

  /**
   * Hashed once for each state of the file; hundreds that ask meanwhile share the run.
   * @returns the digest that it has where that is another one; undefined where all is well
   */
  async findOther(path: string, expected: Digest, signal: AbortSignal): Promise<string | undefined> {
    const state = await stateOf(path);
    if (this.#sound.get(path) === state) return undefined;
    const actual = await this.#checks.run(`${path} ${state}`, () => digestFile(path, expected.algorithm, signal));
    if (actual !== expected.value) return actual;
    this.#sound.set(path, state);
    return undefined;
  }

  /** The next look reads the files below it again. */
  forget(folder: string): void {
    for (const path of this.#sound.keys()) if (path.startsWith(`${folder}/`)) this.#sound.delete(path);
  }
}

async function stateOf(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return `${size} ${mtimeMs} ${ino}`;
}

/** Beside the file, before the file itself gets its name. */
export async function recordDigest(made: string, path: string, signal: AbortSignal): Promise<void> {
  const [{ size }, sha256] = [await stat(made), await digestFile(made, 'sha256', signal)];
  await writeFile(`${path}.json.part`, JSON.stringify({ size, sha256 }));
  await rename(`${path}.json.part`, `${path}.json`);
}

/** What was recorded of the file; undefined where nothing was, as of files that an earlier version made. */
export async function recordedDigest(path: string): Promise<Digest | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(`${path}.json`, 'utf8'));
    return Value.Check(Recorded, value) ? { algorithm: 'sha256', value: value.sha256 } : undefined;
  } catch {
    return undefined;
  }
}
