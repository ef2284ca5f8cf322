import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { ExtentsReader } from '../agent-protocol/extents.ts';
import { imageToken } from '../agent-protocol/image-token.ts';
import type { Disk, WriteImage, WriteImageResult } from '../agent-protocol/messages.ts';
import type { CommandContext } from './command-loop.ts';
import { DiskWriter } from './disk-writer.ts';
import { download } from './download.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import { chooseRoot, copyEsp } from './root-disk.ts';
import type { ServerLink } from './server-link.ts';

const mebibyte = 1024 ** 2;
/** Output of the decompressor per step: larger means fewer event loop iterations. */
const chunkBytes = mebibyte;

export type WriteImageParts = { machine: Machine; link: ServerLink; log: Log };

/**
 * Streams an image in extents format to the root disk. The stream is verified while it is written; if the image is
 * corrupt, the disk's first MiB is wiped, so that nothing boots from it.
 */
export async function writeImage(params: WriteImage, parts: WriteImageParts, context: CommandContext): Promise<WriteImageResult> {
  const { machine, log } = parts;
  const started = performance.now();
  const minimumBytes = Math.max(params.minimum_bytes, params.virtual_size);
  const { disk, esp } = await chooseRoot(machine, { raid: params.raid, hints: params.root_device, minimumBytes });
  log.info(`image goes to ${disk.device} (${disk.model || 'no model'}, ${(disk.size_bytes / 1e9).toFixed(1)} GB)`);
  const zeroed = await zeroFirst(disk, { params, machine, context });
  const writer = await DiskWriter.open(disk.device);
  let dataBytes: number;
  try {
    dataBytes = await streamToDisk(writer, { params, parts, context, zeroed });
    await wipeBackupTable(writer, disk, params.virtual_size);
    await writer.sync();
    if (esp) await copyEsp(machine.run, { from: disk, to: esp.disk });
  } catch (error) {
    await writer.close();
    await wipeStart(disk.device);
    throw error;
  }
  await writer.close();
  await machine
    .rereadPartitions(disk.device)
    .catch((error: Error) => log.info(`could not re-read the partition table: ${error.message}`));
  return {
    device: disk.device,
    data_bytes: dataBytes,
    skipped_bytes: params.virtual_size - dataBytes,
    seconds: (performance.now() - started) / 1000,
  };
}

type Zeroing = { params: WriteImage; machine: Machine; context: CommandContext };

/**
 * Holes must read as zeros. A disk with a zeroing command zeroes the whole image's range at once; others get zeros
 * written.
 */
async function zeroFirst(disk: Disk, { params, machine, context }: Zeroing): Promise<boolean> {
  if (disk.write_zeroes_max_bytes === 0) return false;
  context.progress({ done_bytes: 0, total_bytes: params.size, message: `zeroing ${disk.device}` });
  const whole = params.virtual_size - (params.virtual_size % 4096);
  await machine.zeroRange(disk.device, { offset: 0, length: whole }, context.signal);
  return whole === params.virtual_size;
}

type Streaming = { params: WriteImage; parts: WriteImageParts; context: CommandContext; zeroed: boolean };

async function streamToDisk(writer: DiskWriter, streaming: Streaming): Promise<number> {
  const { params, context } = streaming;
  const source = new VerifiedSource(streaming);
  const sink = new DiskSink(writer, streaming);
  const sinkTo = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      await sink.write(chunk);
      const message = `${(sink.dataBytes / 1e6).toFixed(0)} MB written`;
      context.progress({ done_bytes: source.received, total_bytes: params.size, message });
    }
  };
  try {
    const decompress = createZstdDecompress({ chunkSize: chunkBytes });
    await pipeline(source.read(), decompress, sinkTo, { signal: context.signal });
    await sink.finish();
  } catch (error) {
    // Corrupt data mostly fails to decompress first; but a checksum mismatch says more than the decompressor's error.
    if (!context.signal.aborted) await source.verifyRest();
    throw error;
  }
  await source.verifyRest();
  return sink.dataBytes;
}

/** The image as sent, hashed during the transfer. */
class VerifiedSource {
  received = 0;
  #hash = createHash('sha256');
  #streaming: Streaming;
  #failed = false;

  constructor(streaming: Streaming) {
    this.#streaming = streaming;
  }

  async *read(): AsyncGenerator<Buffer> {
    const { params, parts, context } = this.#streaming;
    const { path, size, base_url: baseUrl } = params;
    const { signal } = context;
    const token = imageToken(parts.link.token, path);
    try {
      for await (const chunk of download(parts.link, parts.log, { path, size, from: this.received, signal, baseUrl, token })) {
        this.#hash.update(chunk);
        this.received += chunk.length;
        yield chunk;
      }
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Reads the rest of the stream and throws on a checksum mismatch. Silent if the download itself has failed. */
  async verifyRest(): Promise<void> {
    if (this.#failed) return;
    for await (const _ of this.read());
    const actual = this.#hash.digest('hex');
    const expected = this.#streaming.params.sha256;
    if (actual !== expected) throw new Error(`checksum mismatch: expected ${expected}, got ${actual}`);
  }
}

/** Writes decompressed extents to the disk, and zeros for holes where the disk does not read as zeros. */
class DiskSink {
  #writer: DiskWriter;
  #zeroed: boolean;
  #size: number;
  #reader = new ExtentsReader();
  #position = 0;

  constructor(writer: DiskWriter, { params, zeroed }: Streaming) {
    this.#writer = writer;
    this.#zeroed = zeroed;
    this.#size = params.virtual_size;
  }

  get dataBytes(): number {
    return this.#reader.dataBytes;
  }

  async write(chunk: Buffer): Promise<void> {
    for (const { offset, data } of this.#reader.read(chunk)) {
      await this.#fillHole(offset);
      await this.#writer.write(data, offset);
      this.#position = offset + data.length;
    }
  }

  async finish(): Promise<void> {
    this.#reader.finish();
    const { virtualSize } = this.#reader;
    if (virtualSize !== this.#size)
      throw new Error(`the image is for a disk of ${virtualSize} bytes, announced were ${this.#size}`);
    await this.#fillHole(this.#size);
  }

  async #fillHole(end: number): Promise<void> {
    if (this.#zeroed || end <= this.#position) return;
    await this.#writer.writeZeros({ offset: this.#position, length: end - this.#position });
  }
}

/** Uses a separate writer, once the failed one has no writes in flight. */
async function wipeStart(device: string): Promise<void> {
  const writer = await DiskWriter.open(device);
  try {
    await writer.writeZeros({ offset: 0, length: mebibyte });
    await writer.sync();
  } catch {
    // The disk has failed: it holds no bootable image.
  } finally {
    await writer.close();
  }
}

/**
 * A GPT of a previous system leaves its backup in the last 33 sectors, where firmware and partitioners would find it.
 */
async function wipeBackupTable(writer: DiskWriter, disk: Disk, virtualSize: number): Promise<void> {
  const offset = Math.max(virtualSize, disk.size_bytes - mebibyte);
  if (offset < disk.size_bytes) await writer.writeZeros({ offset, length: disk.size_bytes - offset });
}
