/** Reads and limits the bodies of BMC events: a few hundred compressed bytes can expand to a megabyte. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/**
 * An event is a few hundred bytes; some BMCs batch many, and send reports of all sensors. Also limits the decompressed
 * size.
 */
export const eventBodyMax = 1024 * 1024;
/** Per subscription, decompressed: the same limit as for an event stream. */
const mostPerMinute = 4 * 1024 * 1024;
const minuteMs = 60_000;

type Unpack = (body: Buffer, limit: { maxOutputLength: number }) => Buffer;

const unpackTable: Readonly<Record<string, Unpack>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

export class EventBodies {
  readonly #now: () => number;
  #begunAt: number;
  /** Bytes in this minute, by token. */
  readonly #read = new Map<string, number>();

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#begunAt = now();
  }

  /**
   * @returns the parsed body, or `{}` if it is unreadable or the BMC is over its limit: the request itself already
   * counts as an event
   */
  read(token: string, body: Buffer, encoding: string | undefined): unknown {
    if (this.#now() - this.#begunAt > minuteMs) {
      this.#read.clear();
      this.#begunAt = this.#now();
    }
    const before = this.#read.get(token) ?? 0;
    const limit = Math.min(eventBodyMax, mostPerMinute - before);
    // A body that cannot be decompressed counts as the maximum.
    let size = limit;
    try {
      if (limit <= 0) return {};
      const plain = unpack(body, encoding, limit);
      size = Math.min(plain.length, limit);
      return plain.length > limit ? {} : JSON.parse(plain.toString('utf8').replace(/^\uFEFF/, ''));
    } catch {
      return {};
    } finally {
      this.#read.set(token, before + size);
    }
  }
}

function unpack(body: Buffer, encoding: string | undefined, limit: number): Buffer {
  const name = encoding?.trim().toLowerCase() ?? '';
  return Object.hasOwn(unpackTable, name) ? unpackTable[name]!(body, { maxOutputLength: limit }) : body;
}
