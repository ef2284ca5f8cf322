/** Reads files named by a node's settings, so of unknown kind: keys, certificates. */
import { constants, open } from 'node:fs/promises';

/** Opening a pipe without a writer would block for ever, and occupy one of the few threads that read files. */
const withoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

/** @throws Error with Node's `code`, or `EINVAL` if it is not a regular file, `EFBIG` if it exceeds `most` bytes */
export async function readSmallFile(path: string, most: number): Promise<string> {
  const file = await open(path, withoutWaiting);
  try {
    const status = await file.stat();
    if (!status.isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'EINVAL' });
    if (status.size > most) throw Object.assign(new Error(`${path} has more than ${most} bytes`), { code: 'EFBIG' });
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
