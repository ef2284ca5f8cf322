/** Reads what BMCs post as events, as much of it as may be: a few hundred bytes sent can be a megabyte to read. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** An event is a few hundred bytes; some BMCs send many at once, and reports of all their sensors. Also of what is unpacked. */
export const eventBodyMax = 1024 * 1024;
/** Of one subscription, unpacked: as much as of an event stream. */
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

  /** @param now milliseconds that only rise */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#begunAt = now();
  }

  /**
   * @returns what it says, or nothing that is known (`{}`), also where the BMC has said too much already: that it has
   * spoken is an event by itself
   */
  read(token: string, body: Buffer, encoding: string | undefined): unknown {
    if (this.#now() - this.#begunAt > minuteMs) {
      this.#read.clear();
      this.#begunAt = this.#now();
    }
    const before = this.#read.get(token) ?? 0;
    const limit = Math.min(eventBodyMax, mostPerMinute - before);
    // What cannot be unpacked costs as much as the most that may be.
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
