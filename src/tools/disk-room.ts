/** Keeps a reserve of free space on a disk that tenants can fill, so that the database on it can always be written. */
import { statfs } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';

export type DiskSpace = {
  /** Any folder on the disk. */
  folder: string;
  /** Bytes to keep free. */
  reserve: number;
};

/** Poll interval for a disk that an external program writes to. */
const recheckMs = 200;

/** Bytes that may still be written; never negative. */
export async function diskSpaceLeft({ folder, reserve }: DiskSpace): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.max(bavail * bsize - reserve, 0);
}

/** Throws `noSpace` unless `bytes` more can be written. */
export async function checkDiskSpace(space: DiskSpace, bytes: number): Promise<void> {
  const left = await diskSpaceLeft(space);
  if (left <= bytes) throw noSpace(space);
}

/** Runs work that writes; aborts its signal with `noSpace` when the space is used up. */
export async function withDiskSpace<T>(space: DiskSpace, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  await checkDiskSpace(space, 0);
  const inspect = () => checkDiskSpace(space, 0).catch((error: unknown) => controller.abort(error));
  const timer = setInterval(inspect, recheckMs);
  try {
    return await work(controller.signal);
  } finally {
    clearInterval(timer);
  }
}

/** Passes chunks through until the space is used up; checks the disk before each `everyBytes`. */
export async function* keepingDiskSpace(space: DiskSpace, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let ahead = 0;
  for await (const chunk of source) {
    if (ahead < chunk.length) {
      await checkDiskSpace(space, everyBytes + chunk.length);
      ahead = everyBytes + chunk.length;
    }
    ahead -= chunk.length;
    yield chunk;
  }
}

const everyBytes = 8 * 1024 * 1024;

function noSpace({ reserve }: DiskSpace): Fault {
  return new Fault('noSpace', { mib: Math.ceil(reserve / 1024 / 1024) });
}
