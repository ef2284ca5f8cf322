/** File systems in files: reads the UUID of the one in an image, and makes the one of the ephemeral partition. */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { type Confinement, limitTable, runConfined } from '#tools/confined.ts';
import type { HowToRun } from '#tools/qemu-img.ts';

export const ephemeralLabel = 'ephemeral0';

/** UUID by which the kernel finds its root file system. Throws `imageUnusable` if the image is not one file system. */
export async function fileSystemUuid(path: string, image: string, { confinement, signal }: HowToRun): Promise<string> {
  const unusable = (detail: string, cause?: unknown) => new Fault('imageUnusable', { image, detail }, cause);
  const args = (at: { image: string }) => ['-p', '-o', 'export', at.image];
  const run = { files: { image: { path } }, args, limits: limitTable.inspect, signal };
  const output = await runConfined('blkid', run, confinement).catch((error: unknown) => {
    if (signal?.aborted || !(error instanceof Fault && error.code === 'toolFailed')) throw error;
    throw unusable('no file system was found in it.', error);
  });
  const uuid = /^UUID=([0-9A-Fa-f-]+)$/m.exec(output)?.[1];
  if (uuid === undefined) throw unusable('its file system has no UUID; is it a whole-disk image?');
  return uuid;
}

/**
 * Makes an ext4 file system in a sparse file. Writing only its allocated parts over old data is safe, because the file
 * system marks the rest as uninitialised (inode tables) or free.
 */
export async function makeEphemeral(path: string, bytes: number, options: EphemeralOptions): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    // Overwrites old signatures, where mke2fs may leave gaps.
    await file.write(Buffer.alloc(1024 * 1024), 0, null, 0);
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
  const run = {
    files: { disk: { path, writable: true } },
    args: (at: { disk: string }) => [...ext4Arguments, at.disk],
    // Otherwise it punches holes instead of writing zeros, and holes are not copied.
    env: { UNIX_IO_NOZEROOUT: '1' },
    limits: limitTable.write,
    fileBytes: bytes,
    room: { folder: dirname(path), reserve: options.diskReserve ?? 0 },
    signal: options.signal,
  };
  await runConfined('mke2fs', run, options.confinement);
}

type EphemeralOptions = { confinement?: Confinement | undefined; diskReserve?: number | undefined; signal: AbortSignal };

const extended = 'nodiscard,lazy_itable_init=1,lazy_journal_init=0';
const ext4Arguments = ['-q', '-F', '-t', 'ext4', '-L', ephemeralLabel, '-E', extended];
