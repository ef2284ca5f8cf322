/** The state folder: created if missing; rejected with a reason if unusable. */
import { accessSync, chmodSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { Fault } from '#domain/faults.ts';

/** Throws `stateFolder`. An existing folder keeps its mode; the files that Ingot creates there have their own. */
export function openStateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Fault('stateFolder', { path, detail: reasonOf(error as NodeJS.ErrnoException) }, error);
  }
}

/** The database holds BMC passwords: only its owner may read it. SQLite gives its log the same mode. */
export function keepPrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

const reasonTable: Readonly<Record<string, string>> = {
  EEXIST: 'it is not a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return reasonTable[error.code ?? ''] ?? error.message;
}
