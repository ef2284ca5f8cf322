/** Writes an uploaded stream to a file: computes checksums, checks the file at the end, then renames it. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fault } from '#domain/faults.ts';
import { moveIntoPlace } from '#files/write-atomically.ts';
import type { Image } from '#store/tables/images.ts';
import { type DiskSpace, diskSpaceLeft, keepingDiskSpace } from '#tools/disk-room.ts';
import type { HowToRun } from '#tools/qemu-img.ts';
import { bootContentsOf } from './boot-contents/read-boot-contents.ts';
import { checkBootRecord } from './check-boot-record.ts';
import { Tally } from './digest.ts';
import {
  checkDiskFormat,
  type DiskFormat,
  detectDiskFormat,
  diskFormatTable,
  isDiskFormat,
  refuseImage,
} from './disk-formats.ts';
import { inspectImage } from './inspect-image.ts';
import { steadyStream } from './steady-stream.ts';
import { unpackImage } from './unpack.ts';

export type UploadRequest = {
  /** null and `detects`: the format that its contents are. */
  disk_format: string | null;
  detects?: boolean;
  /** The expected checksum from the client, hex. */
  checksum?: { algorithm: 'md5' | 'sha256' | 'sha512'; value: string };
  /** Content length announced by the client. */
  size?: number;
  signal?: AbortSignal;
  /** A compressed disk is unpacked; the announced size and checksum are those of the upload. Default: it is refused. */
  unpacks?: boolean;
  /** A raw disk whose MBR Glance considers unsafe is refused. */
  checks_boot_record?: boolean;
  /** Set by its owner for an unusual disk: one with an odd MBR, or that ends before its partitions do, is accepted, too. */
  skips_boot_check?: boolean;
  /** A further check of the contents, before anybody uses them. */
  check?(path: string): Promise<void>;
};

export type UploadLimits = {
  /** Maximum bytes of an upload and of its decoded disk. */
  maxBytes: number;
  space: DiskSpace;
  /** Stall timeout of an upload in milliseconds. */
  stallMs: number;
  confinement?: HowToRun['confinement'];
};

export type UploadFacts = Pick<Image, 'checksum' | 'os_hash_algo' | 'os_hash_value'> & {
  disk_format: DiskFormat;
  size: number;
  virtual_size: number;
  /** Set if the data was unpacked. */
  container_format?: 'bare';
};

/** Leaves `data` open on failure, so that the client gets a response. */
export async function receiveUpload(
  target: string,
  data: Readable,
  request: UploadRequest,
  limits: UploadLimits,
): Promise<UploadFacts> {
  const detects = request.detects === true && request.disk_format === null;
  const declared = detects ? undefined : knownFormat(request.disk_format);
  const part = `${target}.part`;
  try {
    await checkAnnounced(request, limits);
    const sums = await store(part, data, request, limits);
    checkSums(sums, request);
    const isPart = declared === 'aki' || declared === 'ari';
    const unpacked = request.unpacks && !isPart ? await unpackImage(part, { ...limits, signal: request.signal }) : undefined;
    const format = declared ?? (await detectDiskFormat(part));
    await checkDiskFormat(part, format);
    const virtual_size = await inspectImage(part, format, { ...limits, signal: request.signal });
    if (format === 'raw' && !request.skips_boot_check) await checkDisk(part, request);
    await request.check?.(part);
    await moveIntoPlace(part, target);
    const { size, md5, sha512 } = unpacked ?? sums;
    const digests = { checksum: md5, os_hash_algo: 'sha512', os_hash_value: sha512 };
    return { disk_format: format, size, virtual_size, ...digests, ...(unpacked && { container_format: 'bare' }) };
  } catch (error) {
    await rm(part, { force: true });
    throw isDiskFull(error) ? noSpace(error) : error;
  }
}

/** Writes data whose contents are looked at when it is imported. @returns its size */
export async function receiveStaged(
  target: string,
  data: Readable,
  request: Pick<UploadRequest, 'size' | 'signal'>,
  limits: UploadLimits,
): Promise<number> {
  const part = `${target}.part`;
  const whole = { ...request, disk_format: null };
  try {
    await checkAnnounced(whole, limits);
    const sums = await store(part, data, whole, limits);
    checkSums(sums, whole);
    await moveIntoPlace(part, target);
    return sums.size;
  } catch (error) {
    await rm(part, { force: true });
    throw isDiskFull(error) ? noSpace(error) : error;
  }
}

/** Images of other formats are checked after their conversion, before their first deployment. */
async function checkDisk(path: string, { checks_boot_record }: UploadRequest): Promise<void> {
  const { cut_off } = await bootContentsOf(path);
  if (checks_boot_record) await checkBootRecord(path);
  if (cut_off) refuseImage(`${cut_off}; set its property ingot_boot_check=skip before the upload if that is meant`);
}

function knownFormat(format: string | null): DiskFormat {
  if (isDiskFormat(format)) return format;
  const known = Object.keys(diskFormatTable).join(', ');
  throw new Fault('badRequest', { detail: `disk_format must be one of ${known}, not ${format}.` });
}

/** Checked before a byte is read. */
async function checkAnnounced({ size }: UploadRequest, { maxBytes, space }: UploadLimits): Promise<void> {
  if (size === undefined) return;
  if (size > maxBytes) throw tooLarge(maxBytes);
  if (size > (await diskSpaceLeft(space))) throw noSpace();
}

type Sums = { size: number; md5: string; sha256: string; sha512: string };

async function store(part: string, data: Readable, { signal, checksum }: UploadRequest, limits: UploadLimits): Promise<Sums> {
  const tally = new Tally([...new Set(['md5', 'sha512', ...(checksum ? [checksum.algorithm] : [])])]);
  const bounded = (chunks: AsyncIterable<Buffer>) => upTo(limits.maxBytes, keepingDiskSpace(limits.space, chunks));
  const file = createWriteStream(part, { flush: true, mode: 0o600 });
  try {
    await pipeline(steadyStream(data, limits.stallMs), bounded, tally.pass, file, { ...(signal && { signal }) });
  } finally {
    // If aborted early, the file is still being opened, and would be created after we have removed it.
    if (!file.closed) await once(file, 'close');
  }
  const [md5, sha256, sha512] = [tally.digest('md5'), tally.digest('sha256'), tally.digest('sha512')];
  return { size: tally.size, md5, sha256, sha512 };
}

async function* upTo(maxBytes: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

function checkSums(sums: Sums, { checksum, size }: UploadRequest): void {
  const wrong = (what: string, expected: string | number, actual: string | number) =>
    new Fault('badRequest', {
      detail: `The upload is not what was announced: ${what} ${expected} expected, ${actual} received.`,
    });
  if (sums.size === 0) throw new Fault('badRequest', { detail: 'The upload is empty.' });
  if (size !== undefined && size !== sums.size) throw wrong('size', size, sums.size);
  if (checksum && checksum.value.toLowerCase() !== sums[checksum.algorithm]) {
    throw wrong(checksum.algorithm, checksum.value, sums[checksum.algorithm]);
  }
}

/** Glance responds with 413 to both. */
function tooLarge(maxBytes: number): Fault {
  return new Fault('tooLarge', { detail: `Images may have up to ${Math.floor(maxBytes / 1024 ** 3)} GiB.` });
}

function noSpace(cause?: unknown): Fault {
  return new Fault('tooLarge', { detail: 'There is no space left in the image store.' }, cause);
}

function isDiskFull(error: unknown): boolean {
  if (error instanceof Fault) return error.code === 'noSpace';
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
