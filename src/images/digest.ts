/** Checksums of files and streams. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const readBytes = 256 * 1024;

/** Hex digest of a file, read in chunks small enough not to block other requests. */
export async function digestFile(path: string, algorithm: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes, ...(signal && { signal }) }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Passes chunks through, hashes and counts them. */
export class Tally {
  readonly #hashes: Map<string, Hash>;
  size = 0;

  constructor(algorithms: readonly string[]) {
    this.#hashes = new Map(algorithms.map((name) => [name, createHash(name)]));
  }

  readonly pass = async function* (this: Tally, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.size += chunk.length;
      for (const hash of this.#hashes.values()) hash.update(chunk);
      yield chunk;
    }
  }.bind(this);

  /** Call once, at the end. */
  digest(algorithm: string): string {
    return this.#hashes.get(algorithm)?.digest('hex') ?? '';
  }
}
