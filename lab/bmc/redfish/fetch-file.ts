import { createWriteStream, mkdirSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { moveIntoPlace } from '#files/write-atomically.ts';

/** Timeout for a whole file (milliseconds), and the maximum size (bytes). */
const maxWait = 300_000;
const mostBytes = 16 * 2 ** 30;
const mostRedirects = 3;

/** Downloads a file for a BMC. Like most BMCs it accepts any certificate. The file is complete or absent. */
export async function fetchFile(url: string, file: string): Promise<void> {
  const reply = await open(url, mostRedirects);
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.new`;
  await pipeline(reply, limited, createWriteStream(draft), { signal: AbortSignal.timeout(maxWait) });
  await moveIntoPlace(draft, file);
}

async function open(url: string, redirects: number): Promise<IncomingMessage> {
  const get = url.startsWith('https:') ? httpsGet : httpGet;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { rejectUnauthorized: false, signal: AbortSignal.timeout(maxWait) }, resolve).on('error', reject);
  const reply = await promise;
  const { statusCode = 0, headers } = reply;
  if (statusCode === 200) return reply;
  reply.resume();
  if (statusCode >= 300 && statusCode < 400 && headers.location && redirects > 0)
    return open(new URL(headers.location, url).href, redirects - 1);
  throw new Error(`status ${statusCode}`);
}

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    yield chunk;
  }
}
