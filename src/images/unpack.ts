/**
 * Unpacks compressed images as they are published: gzip, xz, zstd, known by their contents. The bytes are a tenant's, so the
 * program that reads them is confined, and what it writes is bounded: a few kilobytes can become terabytes.
 */
import { createReadStream } from 'node:fs';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import { Semaphore } from '#async/semaphore.ts';
import { Fault } from '#domain/faults.ts';
import { moveIntoPlace } from '#files/write-atomically.ts';
import { limitTable, runConfined } from '#tools/confined.ts';
import type { DiskSpace } from '#tools/disk-room.ts';
import type { HowToRun } from '#tools/qemu-img.ts';
import { Tally } from './digest.ts';
import { refuseImage } from './disk-formats.ts';

export type Unpacking = HowToRun & {
  /** Maximum bytes of the image. */
  readonly maxBytes: number;
  readonly space: DiskSpace;
};

export type UnpackedFacts = { readonly size: number; readonly md5: string; readonly sha512: string };

const magics = { gzip: '1f8b08', xz: 'fd377a585a00', zstd: '28b52ffd' } as const;
type Packing = keyof typeof magics;

/** A disk is rarely compressed better; one of zeros costs its uploader nothing, and us the time to hash it. */
const mostGrowth = 250;
/** Small disks of zeros are common in tests. */
const alwaysBytes = 1024 ** 3;
const readBytes = 256 * 1024;

/** They use a processor each, beside the conversions. */
const slots = new Semaphore(2);

/**
 * Replaces a compressed file by what is in it. @returns undefined: it is not compressed, and stays as it is
 * @throws Fault `invalidImageData` if it is damaged, `tooLarge`, `noSpace`
 */
export async function unpackImage(path: string, unpacking: Unpacking): Promise<UnpackedFacts | undefined> {
  const packing = await packingOf(path);
  if (!packing) return undefined;
  const { signal } = unpacking;
  return slots.run(async () => {
    const target = `${path}.unpacked.part`;
    try {
      await unpackTo(target, path, { ...unpacking, packing });
      const facts = await factsOf(target, signal);
      await moveIntoPlace(target, path);
      return facts;
    } finally {
      await rm(target, { force: true });
    }
  }, signal);
}

async function unpackTo(
  target: string,
  path: string,
  { packing, maxBytes, ...run }: Unpacking & { packing: Packing },
): Promise<void> {
  const { size } = await stat(path);
  const mostBytes = Math.min(maxBytes, Math.max(alwaysBytes, size * mostGrowth));
  await writeFile(target, '', { mode: 0o600 });
  const files = { packed: { path }, image: { path: target, writable: true } };
  // zstd also reads the other formats, and leaves holes where there are zeros.
  const script = 'exec zstd --decompress --stdout --sparse --quiet < "$1" > "$2"';
  const args = (at: { packed: string; image: string }) => ['-c', script, 'unpack', at.packed, at.image];
  try {
    // A file of more bytes than it may have ends the program.
    const { confinement, ...rest } = run;
    await runConfined('sh', { files, args, limits: limitTable.write, fileBytes: mostBytes + 1, ...rest }, confinement);
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'toolFailed')) throw error;
    // Its own words: holes at the end are not in the size of the file yet.
    if (isFileLimit(error)) throw tooLarge(size, mostBytes);
    if (error.fields['status'] === 127) throw error;
    refuseImage(`its ${packing} data is damaged`, error);
  }
  if ((await stat(target)).size > mostBytes) throw tooLarge(size, mostBytes);
}

/** It was ended by SIGXFSZ (25), or ignores that. */
function isFileLimit({ fields }: Fault): boolean {
  return fields['status'] === 128 + 25 || /File too large|SIGXFSZ/.test(String(fields['detail']));
}

function tooLarge(size: number, mostBytes: number): Fault {
  const gib = Math.floor((mostBytes / 1024 ** 3) * 10) / 10;
  return new Fault('tooLarge', {
    detail: `The image has more than ${gib} GiB when it is unpacked, which are too many for ${size} bytes.`,
  });
}

async function factsOf(path: string, signal: AbortSignal | undefined): Promise<UnpackedFacts> {
  const tally = new Tally(['md5', 'sha512']);
  const chunks = createReadStream(path, { highWaterMark: readBytes, ...(signal && { signal }) });
  for await (const _ of tally.pass(chunks)) {
    // It counts and hashes.
  }
  return { size: tally.size, md5: tally.digest('md5'), sha512: tally.digest('sha512') };
}

async function packingOf(path: string): Promise<Packing | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), { position: 0 });
    const head = buffer.toString('hex', 0, bytesRead);
    return (Object.keys(magics) as Packing[]).find((name) => head.startsWith(magics[name]));
  } finally {
    await file.close();
  }
}
