/** A stream with a minimum throughput. */
import { PassThrough, type Readable } from 'node:stream';
import { Fault } from '#domain/faults.ts';

/** Minimum bytes per period; a slower upload would take days for what a deployment needs in an hour. */
export const leastBytes = 256 * 1024;

/**
 * Passes the data through. Fails with `requestTimeout` if less than `leastBytes` arrived in `stallMs`. Its errors, and
 * those of its reader, leave `source` open, so that a rejected request still gets a response.
 */
export function steadyStream(source: Readable, stallMs: number): Readable {
  const out = new PassThrough();
  let came = 0;
  source.on('data', (chunk: Buffer) => {
    came += chunk.length;
  });
  const timer = setInterval(() => {
    if (came < leastBytes) out.destroy(new Fault('requestTimeout', { detail: tooSlow(came, stallMs) }));
    came = 0;
  }, stallMs);
  source.once('end', () => clearInterval(timer));
  source.once('error', (error) => out.destroy(error));
  const end = () => {
    if (!source.readableEnded) out.destroy(source.errored ?? new Fault('clientDisconnected', { what: 'The upload' }));
  };
  source.once('close', end);
  out.once('close', () => {
    clearInterval(timer);
    source.unpipe(out);
  });
  // It may have been cut off before anybody listened.
  if (source.destroyed) end();
  return source.pipe(out);
}

function tooSlow(came: number, stallMs: number): string {
  return `The upload was aborted: only ${came} bytes arrived in the last ${Math.round(stallMs / 1000)} s.`;
}
