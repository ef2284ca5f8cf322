/**
 * Files that are replaced as a whole: after a crash or a power cut, the name leads to the complete old content or to
 * the complete new one. The draft lies in the same folder, since a rename is atomic only within a file system; a crash
 * may leave it behind, as `NAME.xxxxxxxx.part`.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, type Dirent, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type WriteOptions = {
  /** Exact mode of the new file, whatever the umask. Default: only the owner may read it. */
  readonly mode?: number;
};

export async function writeAtomically(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600 }: WriteOptions = {},
): Promise<void> {
  const draft = draftOf(path);
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(data);
    } finally {
      await file.close();
    }
    await moveIntoPlace(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Like `writeAtomically`. Blocks the process until the disk has the data. */
export function writeAtomicallySync(path: string, data: string | Uint8Array, { mode = 0o600 }: WriteOptions = {}): void {
  const draft = draftOf(path);
  try {
    writeFileSync(draft, data, { flag: 'wx', mode });
    chmodSync(draft, mode);
    moveIntoPlaceSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Gives a complete file of the same file system its final name, for files that a stream or a program has written. */
export async function moveIntoPlace(draft: string, path: string): Promise<void> {
  await syncToDisk(draft);
  await rename(draft, path);
  // Without it, a power cut could undo the rename.
  await syncToDisk(dirname(path));
}

/** Like `moveIntoPlace`. Blocks the process until the disk has the data. */
export function moveIntoPlaceSync(draft: string, path: string): void {
  syncToDiskSync(draft);
  renameSync(draft, path);
  syncToDiskSync(dirname(path));
}

/**
 * For a start: removes the drafts that a killed process has left of files in this folder, whose only writer we are. The
 * folder may be missing; its subfolders stay as they are.
 */
export async function removeDrafts(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessMissing);
  const drafts = entries.filter((entry) => entry.isFile() && /\.[0-9a-f]{8}\.part$/.test(entry.name));
  for (const { name } of drafts) await rm(join(folder, name), { force: true });
}

function unlessMissing(error: NodeJS.ErrnoException): Dirent[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

/** Unique: two writers of one file must not write into one draft. */
function draftOf(path: string): string {
  return `${path}.${randomBytes(4).toString('hex')}.part`;
}

/** A file or a folder. Without it, a power cut after the rename could leave a file of zeros under its final name. */
async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function syncToDiskSync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
