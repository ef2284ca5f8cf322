import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from './log.ts';
import { backoff, Refused, type ServerLink } from './server-link.ts';

/** Timeout without a single byte before a download fails: long enough for a server restart. */
const maxWaitMs = 600_000;

export type Download = {
  path: string;
  size: number;
  /** Bytes already received, to be skipped. */
  from?: number;
  signal: AbortSignal;
  maxWaitMs?: number;
  /** Its URL and token, if they differ from those for messages. */
  baseUrl?: string | undefined;
  token?: string;
};

/**
 * The bytes of a file, in order, across connection failures: a broken transfer resumes where it stopped. Throws when
 * the server refuses, sends too much, or is unreachable for too long.
 */
export async function* download(link: ServerLink, log: Log, file: Download): AsyncGenerator<Buffer> {
  const { path, size, signal } = file;
  let received = file.from ?? 0;
  let heard = performance.now();
  let pauses = backoff();
  while (received < size) {
    try {
      for await (const chunk of transfer(link, { ...file, from: received })) {
        received += chunk.length;
        if (received > size) throw new Refused(0, `${path} is longer than the ${size} bytes announced`);
        heard = performance.now();
        pauses = backoff();
        yield chunk;
      }
      if (received < size) throw new Error(`the connection ended after ${received} of ${size} bytes`);
    } catch (error) {
      if (isFinal(error, signal) || performance.now() - heard > (file.maxWaitMs ?? maxWaitMs)) throw error;
      log.info(`download of ${path} interrupted at ${received} bytes, retrying: ${(error as Error).message}`);
      await pause(pauses.next().value, undefined, { signal });
    }
  }
}

/** A server that ignores the range sends everything: bytes already received are skipped. */
async function* transfer(link: ServerLink, part: Download & { from: number }): AsyncGenerator<Buffer> {
  const { path, from, signal, token, baseUrl } = part;
  const response = await link.get(path, { from, signal, baseUrl, ...(token && { token }) });
  let known = response.statusCode === 206 ? 0 : part.from;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const fresh = chunk.subarray(known);
    known -= chunk.length - fresh.length;
    if (fresh.length > 0) yield fresh;
  }
}

function isFinal(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof Refused && error.status < 500);
}
