/** Downloads the config drive of an instance into the folder of its operation. */
import { createWriteStream } from 'node:fs';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Semaphore } from '#async/semaphore.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import { decodeDriveFile, driveBytes } from '../given-config-drive.ts';
import { steadyStream } from '../steady-stream.ts';
import { type FetchRules, openSource } from './open-source.ts';
import { asFetchFault } from './read-small.ts';
import { refuseUrl } from './url-rules.ts';

/** As base64, in lines. */
const mostBytes = Math.ceil(driveBytes * 1.4);

export class DriveFetcher {
  readonly #rules: FetchRules;
  /** Decoding is done in memory. */
  readonly #decoding = new Semaphore(2);

  constructor(rules: FetchRules) {
    this.#rules = rules;
  }

  /** @returns its path; throws Fault `imageRefused`, `imageDownloadFailed` */
  async fetch(url: string, directory: string, signal: AbortSignal): Promise<string> {
    const path = join(directory, 'config-drive.iso');
    if (await exists(path)) return path;
    await mkdir(directory, { recursive: true });
    const part = join(directory, 'config-drive.part');
    try {
      await this.#download(url, part, signal);
      const image = await this.#decoding.run(async () => decodeDriveFile(await readFile(part)), signal);
      await writeAtomically(path, image);
      return path;
    } catch (error) {
      throw asFetchFault(url, error, signal);
    } finally {
      await rm(part, { force: true });
    }
  }

  async #download(url: string, part: string, signal: AbortSignal): Promise<void> {
    // A file of this host would reach the user's machine unseen: Ironic takes URLs of web servers only.
    if (!/^https?:/i.test(url)) throw refuseUrl(url, 'A config drive must be at http or https.');
    const source = await openSource(url, { rules: this.#rules, signal });
    try {
      const stream = steadyStream(source.stream, this.#rules.http.stallMs);
      // User data may contain secrets.
      await pipeline(stream, (chunks) => upTo(url, chunks), createWriteStream(part, { mode: 0o600 }), { signal });
    } finally {
      await source.close();
    }
  }
}

async function* upTo(url: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > mostBytes) throw refuseUrl(url, `A config drive has at most ${driveBytes / 1024 ** 2} MiB.`);
    yield chunk;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
