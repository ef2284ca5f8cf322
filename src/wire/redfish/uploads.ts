/** Files as request bodies, streamed from disk: alone, or as parts of a form (RFC 7578). */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Part } from './redfish-client.ts';

export type Form = {
  readonly headers: Readonly<Record<string, string>>;
  /** Creates a new stream for each attempt. */
  readonly body: () => Readable;
};

export function createForm(parts: readonly Part[]): Form {
  const boundary = `ingot-${randomUUID()}`;
  const end = `--${boundary}--\r\n`;
  const heads = parts.map((part) => `--${boundary}\r\n${headOf(part)}\r\n\r\n`);
  const length = parts.reduce((sum, part, index) => sum + Buffer.byteLength(heads[index] ?? '') + sizeOf(part) + 2, end.length);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(length) },
    body: () => Readable.from(write(parts, heads, end)),
  };
}

export function createFileBody({ path, size }: { readonly path: string; readonly size: number }): Form {
  return {
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body: () => Readable.from(readBytes(path, size)),
  };
}

/** Never sends more than the announced size, even if the file grows meanwhile. */
async function* readBytes(path: string, size: number): AsyncGenerator<Buffer> {
  if (size > 0) yield* createReadStream(path, { end: size - 1 }) as AsyncIterable<Buffer>;
}

async function* write(parts: readonly Part[], heads: readonly string[], end: string): AsyncGenerator<Buffer> {
  for (const [index, part] of parts.entries()) {
    yield Buffer.from(heads[index] ?? '');
    if ('json' in part) yield Buffer.from(JSON.stringify(part.json));
    else yield* readBytes(part.path, part.size);
    yield Buffer.from('\r\n');
  }
  yield Buffer.from(end);
}

function headOf(part: Part): string {
  const file = part.file === undefined ? '' : `; filename="${quote(part.file)}"`;
  const type = 'json' in part ? 'application/json' : 'application/octet-stream';
  return `Content-Disposition: form-data; name="${quote(part.name)}"${file}\r\nContent-Type: ${type}`;
}

function sizeOf(part: Part): number {
  return 'json' in part ? Buffer.byteLength(JSON.stringify(part.json)) : part.size;
}

function quote(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
