/** `file`: an external program (a lab, a console server) writes the serial console to a file on this host. */
import { constants, type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, normalize, sep } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { lastLines } from '#domain/last-lines.ts';
import type { ConsoleInterface, NodeFacts } from '../interfaces.ts';

/** Only the end of a longer log is returned, so that the response stays small. */
const maxBytes = 1024 * 1024;

/** Non-blocking: opening a pipe without a writer would hang. Symbolic links were resolved before. */
const openMode = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * @param folders the setting `console.folders`: whoever may edit a node names the file, and its text is shown to users,
 * so files elsewhere on this host must be out of reach
 */
export function createFileConsole(folders: readonly string[]) {
  const fileOf = (node: NodeFacts): string | undefined => {
    const path = node.driver_info['console_file'];
    if (path === undefined || path === null || path === '') return undefined;
    const wrong = (detail: string) => new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
    if (typeof path !== 'string' || !isAbsolute(path)) throw wrong('console_file must be an absolute path.');
    if (folders.some((folder) => isInside(normalize(path), normalize(folder)))) return path;
    throw wrong(`console_file must be in one of the folders of the setting console.folders (${folders.join(', ') || 'none'}).`);
  };
  const openFile = async (node: NodeFacts): Promise<FileHandle | undefined> => {
    const path = fileOf(node);
    const real = path === undefined ? undefined : await realpath(path).catch(() => undefined);
    if (real === undefined) return undefined;
    const homes = await Promise.all(folders.map((folder) => realpath(folder).catch(() => undefined)));
    if (!homes.some((home) => home !== undefined && isInside(real, home))) return undefined;
    return open(real, openMode).catch(() => undefined);
  };
  return {
    properties: {
      console_file: {
        help: 'Absolute path of the file that holds the serial console, in a folder of the setting console.folders; absent = no log',
      },
    },
    validate(node: NodeFacts) {
      fileOf(node);
    },
    async log(node: NodeFacts, { lines, since }: { lines?: number; since?: string } = {}) {
      const file = await openFile(node);
      if (!file) return null;
      return lastLines(await readEnd(file, since).finally(() => file.close()), lines);
    },
    async position(node: NodeFacts) {
      const file = await openFile(node).catch(() => undefined);
      const status = await file?.stat().finally(() => file.close());
      return status && formatPosition(status.ino, status.size);
    },
  } satisfies ConsoleInterface;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** Identifies the file by inode, since a rotation replaces it. */
function formatPosition(inode: number, size: number): string {
  return `${inode}:${size}`;
}

async function readEnd(file: FileHandle, since: string | undefined): Promise<string> {
  const { ino, size, isFile } = await file.stat().then((status) => ({ ...status, isFile: status.isFile() }));
  if (!isFile) return '';
  const [inode, offset] = (since ?? '').split(':').map(Number);
  const begin = inode === ino && offset !== undefined && offset <= size ? offset : 0;
  const length = Math.min(size - begin, maxBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.toString('utf8', 0, bytesRead);
}
