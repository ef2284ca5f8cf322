/** Streams a file to a machine: content length, one range, one report at the end. HEAD gets only the headers. */
import { open } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';

export type Transfer = { bytes: number; total: number; complete: boolean; duration_ms: number };
type Sending = { path: string; onStart?(total: number): void; onEnd(transfer: Transfer): void };

/** Buffer of one transfer, in addition to the socket buffers. */
const chunkBytes = 256 * 1024;

export async function sendFile(request: FastifyRequest, reply: FastifyReply, sending: Sending): Promise<FastifyReply> {
  const started = performance.now();
  const handle = await open(sending.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new Fault('notFound', { what: 'File', id: request.url });
    throw error;
  });
  const { size } = await handle.stat();
  reply.header('accept-ranges', 'bytes').type('application/octet-stream');
  if (request.method === 'HEAD') {
    await handle.close();
    return reply.header('content-length', size).send();
  }
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable' || size === 0) {
    await handle.close();
    if (size === 0 && range !== 'unsatisfiable') return reply.header('content-length', 0).send('');
    return reply.code(416).header('content-range', `bytes */${size}`).send();
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const total = end - start + 1;
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`);
  const stream = handle.createReadStream({ start, end, highWaterMark: chunkBytes });
  sending.onStart?.(total);
  reply.raw.once('close', () => {
    const complete = reply.raw.writableFinished;
    const bytes = complete ? total : Math.min(stream.bytesRead, total);
    stream.destroy();
    sending.onEnd({ bytes, total, complete, duration_ms: Math.round(performance.now() - started) });
  });
  return reply.header('content-length', total).send(stream);
}

/** RFC 9110, 14.2: anything but a single byte range is ignored, and HEAD has no ranges. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [from, to] = [match[1] as string, match[2] as string];
  if (from === '') return to === '0' ? 'unsatisfiable' : { start: Math.max(size - Number(to), 0), end: size - 1 };
  const start = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < start) return undefined;
  return start < size ? { start, end } : 'unsatisfiable';
}
