/** Opens a file of this host that a user has named, if the operator allows its folder (Ironic's `file_url_allowed_paths`). */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { refuseUrl } from './url-rules.ts';

export type FileRules = {
  /** Folders below which files may be used. */
  readonly folders: readonly string[];
  /** Folders below which none may, whatever else is allowed. */
  readonly refused: readonly string[];
};

/** Ironic refuses them, too. */
const systemFolders = ['/dev', '/sys', '/proc', '/boot', '/etc', '/run'];

export type LocalFile = {
  readonly stream: Readable;
  readonly size: number;
  /** Changes when the file does. */
  readonly version: string;
  close(): Promise<void>;
};

/** @throws Fault `imageRefused`. Of a path that is not allowed, it does not tell whether there is such a file. */
export async function openLocalFile(url: URL, rules: FileRules): Promise<LocalFile> {
  const path = pathOf(url);
  refuseOutside(url, path, rules.folders, rules.refused);
  const real = await realpath(path).catch((error: unknown) => {
    throw refuseUrl(url, 'Specified image file not found.', error);
  });
  const folders = await Promise.all(rules.folders.map((folder) => realpath(folder).catch(() => folder)));
  const refused = await Promise.all(rules.refused.map((folder) => realpath(folder).catch(() => folder)));
  refuseOutside(url, real, folders, refused);
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    throw refuseUrl(url, 'The image file cannot be read.', error);
  });
  try {
    return await openedFile(url, file, real);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A folder may have become a link between the check and the opening: the kernel tells what was opened. */
async function openedFile(url: URL, file: FileHandle, real: string): Promise<LocalFile> {
  if ((await readlink(`/proc/self/fd/${file.fd}`)) !== real) throw refuseUrl(url, 'Its path changed while it was opened.');
  const facts = await file.stat({ bigint: true });
  if (!facts.isFile()) throw refuseUrl(url, 'Specified image file not found.');
  const { dev, ino, size, mtimeNs } = facts;
  return {
    stream: file.createReadStream({ autoClose: false }),
    size: Number(size),
    version: [dev, ino, size, mtimeNs].join(' '),
    close: () => file.close(),
  };
}

function pathOf(url: URL): string {
  try {
    return resolve(fileURLToPath(url));
  } catch (error) {
    throw refuseUrl(url, 'It must be file:///PATH, without a host and encoded slashes.', error);
  }
}

function refuseOutside(url: URL, path: string, folders: readonly string[], refused: readonly string[]): void {
  const system = [...systemFolders, ...refused].find((folder) => isIn(path, folder));
  if (system !== undefined) throw refuseUrl(url, 'Security: The path is not permitted in file URLs');
  if (!folders.some((folder) => isIn(path, folder)))
    throw refuseUrl(url, `Security: Path ${url.pathname} is not allowed for image source file URLs`);
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
