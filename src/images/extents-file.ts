/**
 * Creates the file that machines download: an image's data without its holes, in extents format
 * (agent-protocol/extents.ts), compressed. One pass, a few records in memory; compression runs on Node's thread pool.
 */

import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { encodeExtentsEnd, encodeExtentsHeader, encodeRecordHeader, extentsMaxRecordBytes } from '#agent-protocol/extents.ts';
import { Fault } from '#domain/faults.ts';
import type { ExtentsFile } from '#drivers/interfaces.ts';
import { moveIntoPlace, writeAtomically } from '#files/write-atomically.ts';
import { type DiskSpace, keepingDiskSpace } from '#tools/disk-room.ts';
import { dataRuns, type HowToRun } from '#tools/qemu-img.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { BootContentsRecord, bootReaderVersion } from './boot-contents/boot-contents-record.ts';
import { bootContentsOf } from './boot-contents/read-boot-contents.ts';
import { Tally } from './digest.ts';

/** Runs of zeros of at least this length are left out; shorter runs compress well enough. */
const blockBytes = 64 * 1024;
/** Well below the format's limit: several records are in memory at a time. */
const recordBytes = Math.min(1024 * 1024, extentsMaxRecordBytes);
/** Fast to compress; decompression costs a machine about the same at every level. */
const compressionLevel = 3;

const Sidecar = Type.Object({
  size: Type.Integer(),
  sha256: Type.String(),
  virtual_size: Type.Integer(),
  data_bytes: Type.Integer(),
  /** Modification time of the file in milliseconds: shows whether it is still the one described. */
  modified_ms: Type.Number(),
  boot_reader: Type.Literal(bootReaderVersion),
  boot: BootContentsRecord,
});

export type ExtentsOptions = { confinement?: HowToRun['confinement']; signal: AbortSignal; space: DiskSpace };

export async function writeExtentsFile(source: string, target: string, options: ExtentsOptions): Promise<ExtentsFile> {
  const { signal, space } = options;
  const part = `${target}.part`;
  const tally = new Tally(['sha256']);
  const counts = { virtual_size: 0, data_bytes: 0 };
  const records = Readable.from(encodeImage(source, counts, options), { objectMode: false, highWaterMark: recordBytes });
  const compress = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: compressionLevel, [constants.ZSTD_c_checksumFlag]: 1 },
    chunkSize: 256 * 1024,
  });
  const bounded = (data: AsyncIterable<Buffer>) => keepingDiskSpace(space, data);
  await pipeline(records, compress, tally.pass, bounded, createWriteStream(part, { flush: true }), { signal });
  const facts = { size: tally.size, sha256: tally.digest('sha256'), ...counts, boot: await bootContentsOf(source) };
  const { mtimeMs } = await stat(part);
  const sidecar = { ...facts, modified_ms: mtimeMs, boot_reader: bootReaderVersion } satisfies Static<typeof Sidecar>;
  await moveIntoPlace(part, target);
  await writeAtomically(`${target}.json`, JSON.stringify(sidecar));
  return { path: target, ...facts };
}

/** The file if it exists, is complete, and matches its sidecar. */
export async function findExtentsFile(target: string): Promise<ExtentsFile | undefined> {
  const [file, text] = await Promise.all([
    stat(target).catch(() => undefined),
    readFile(`${target}.json`, 'utf8').catch(() => undefined),
  ]);
  if (!file || text === undefined) return undefined;
  const sidecar = parseSidecar(text);
  if (!sidecar || sidecar.size !== file.size || sidecar.modified_ms !== file.mtimeMs) return undefined;
  const { modified_ms: _, boot_reader: __, ...facts } = sidecar;
  return { path: target, ...facts };
}

function parseSidecar(text: string): Static<typeof Sidecar> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(Sidecar, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The decompressed file, for checks. */
export function readExtentsFile(path: string): Readable {
  return createReadStream(path).compose(createZstdDecompress());
}

type Counts = { virtual_size: number; data_bytes: number };

async function* encodeImage(source: string, counts: Counts, how: HowToRun): AsyncGenerator<Buffer> {
  const file = await open(source);
  try {
    const { size } = await file.stat();
    counts.virtual_size = size;
    yield encodeExtentsHeader(size);
    for (const chunk of chunksOf(await wholeBlocks(source, size, how))) {
      for await (const { offset, data } of readData(file, chunk)) {
        counts.data_bytes += data.length;
        yield encodeRecordHeader(offset, data.length);
        yield data;
      }
    }
    yield encodeExtentsEnd(size);
  } finally {
    await file.close();
  }
}

type Run = { start: number; end: number };

/** The data runs, rounded outwards to whole blocks and merged where they touch. */
async function wholeBlocks(source: string, size: number, how: HowToRun): Promise<Run[]> {
  const runs: Run[] = [];
  for (const { start, length } of await knownRuns(source, size, how)) {
    const run = {
      start: start - (start % blockBytes),
      end: Math.min(Math.ceil((start + length) / blockBytes) * blockBytes, size),
    };
    const last = runs.at(-1);
    if (last && run.start <= last.end) last.end = Math.max(last.end, run.end);
    else runs.push(run);
  }
  return runs;
}

/** Without qemu-img, or if it cannot be confined: one run of the whole file. */
async function knownRuns(source: string, size: number, how: HowToRun): Promise<{ start: number; length: number }[]> {
  const all = [{ start: 0, length: size }];
  if (!(await isInstalled('qemu-img'))) return all;
  return dataRuns({ path: source, format: 'raw' }, how).catch((error: unknown) => {
    if (error instanceof Fault && error.code === 'notConfined') return all;
    throw error;
  });
}

/** Chunks of at most one record, split at multiples of its length. */
function* chunksOf(runs: readonly Run[]): Generator<Run> {
  for (const { start, end } of runs) {
    for (let at = start; at < end; ) {
      const cut = Math.min(at - (at % recordBytes) + recordBytes, end);
      yield { start: at, end: cut };
      at = cut;
    }
  }
}

const zeros = Buffer.alloc(blockBytes);

/** The non-zero parts of a chunk, split only at gaps. */
async function* readData(file: FileHandle, { start, end }: Run): AsyncGenerator<{ offset: number; data: Buffer }> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - start), { position: start });
  if (bytesRead !== end - start) throw new Error(`the image ended at ${start + bytesRead} while it was read`);
  let from = 0;
  for (let at = 0; at < buffer.length; at += blockBytes) {
    const block = buffer.subarray(at, at + blockBytes);
    if (!block.equals(zeros.subarray(0, block.length))) continue;
    if (at > from) yield { offset: start + from, data: buffer.subarray(from, at) };
    from = at + block.length;
  }
  if (from < buffer.length) yield { offset: start + from, data: buffer.subarray(from) };
}
