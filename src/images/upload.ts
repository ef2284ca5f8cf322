/** Takes an uploaded stream to a file: checksums on the way, checks at the end, and only then under its name. */
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#domain/records.ts';
import { imageInfo } from '#tools/qemu-img.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { Tally } from './digest.ts';
import { checkDiskFormat, type DiskFormat, diskFormatTable, driverOf, isDiskFormat, qcow2VirtualSize } from './disk-formats.ts';

export type UploadRequest = {
  disk_format: string | null;
  /** What the client says it sends, hex: md5 or sha512. */
  checksum?: { algorithm: 'md5' | 'sha512'; value: string };
  /** Bytes the client announced. */
  size?: number;
  signal?: AbortSignal;
};

export type UploadFacts = Pick<Image, 'checksum' | 'os_hash_algo' | 'os_hash_value'> & { size: number; virtual_size: number };

export async function receiveUpload(target: string, data: Readable, request: UploadRequest): Promise<UploadFacts> {
  const format = request.disk_format;
  if (!isDiskFormat(format)) {
    throw new Fault('badRequest', {
      detail: `disk_format must be one of ${Object.keys(diskFormatTable).join(', ')}, not ${format}.`,
    });
  }
  const part = `${target}.part`;
  try {
    const sums = await store(part, data, request);
    checkSums(sums, request);
    await checkDiskFormat(part, format);
    const virtual_size = await virtualSizeOf(part, format, request.signal);
    await rename(part, target);
    await syncFolder(dirname(target));
    return { size: sums.size, virtual_size, checksum: sums.md5, os_hash_algo: 'sha512', os_hash_value: sums.sha512 };
  } catch (error) {
    await rm(part, { force: true });
    throw isDiskFull(error) ? new Fault('tooLarge', { detail: 'There is no space left in the image store.' }) : error;
  }
}

type Sums = { size: number; md5: string; sha512: string };

async function store(part: string, data: Readable, { signal }: UploadRequest): Promise<Sums> {
  const tally = new Tally(['md5', 'sha512']);
  await pipeline(data, tally.pass, createWriteStream(part, { flush: true, mode: 0o600 }), { ...(signal && { signal }) });
  return { size: tally.size, md5: tally.digest('md5'), sha512: tally.digest('sha512') };
}

function checkSums(sums: Sums, { checksum, size }: UploadRequest): void {
  const wrong = (what: string, expected: string | number, actual: string | number) =>
    new Fault('badRequest', {
      detail: `The upload is not what was announced: ${what} ${expected} expected, ${actual} received.`,
    });
  if (sums.size === 0) throw new Fault('badRequest', { detail: 'The upload holds no data.' });
  if (size !== undefined && size !== sums.size) throw wrong('size', size, sums.size);
  if (checksum && checksum.value.toLowerCase() !== sums[checksum.algorithm]) {
    throw wrong(checksum.algorithm, checksum.value, sums[checksum.algorithm]);
  }
}

/** Also proves that the converter can read the image, while the one who can mend it is still there. */
async function virtualSizeOf(path: string, format: DiskFormat, signal?: AbortSignal): Promise<number> {
  const driver = driverOf(format);
  if (driver === 'raw') return (await stat(path)).size;
  const canLook = await isInstalled('qemu-img');
  if (driver === 'qcow2' && !canLook) return qcow2VirtualSize(path);
  const info = await imageInfo({ path, format: driver }, signal).catch((error: unknown) => {
    if (!canLook || signal?.aborted) throw error;
    throw new Fault('badRequest', { detail: `The image data cannot be used: it is not a readable ${format} image.` }, error);
  });
  if (info['backing-filename'] ?? info['full-backing-filename']) {
    throw new Fault('badRequest', { detail: 'The image data cannot be used: it has a backing file.' });
  }
  return info['virtual-size'];
}

/** The rename itself must survive a power cut, or the row would name data that is not there. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
