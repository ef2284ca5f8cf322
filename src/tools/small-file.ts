/** Files that a setting of a node names, so that what they are is unknown: keys, certificates. */
import { constants, open } from 'node:fs/promises';

/** Opening a pipe that nobody writes to would wait for ever, and hold one of the few threads that read files. */
const withoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

/** @throws Error with the `code` of Node, or `EINVAL` for what is no file and `EFBIG` for what has more than `most` bytes */
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
