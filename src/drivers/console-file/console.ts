/** `file`: somebody else (a lab, a console server) writes the serial console to a file on this host. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { ConsoleInterface, NodeFacts } from '../interfaces.ts';

/** The end of a longer log is what people ask for; a reply must stay of a size that can be sent. */
const maxBytes = 1024 * 1024;

/** Opening a pipe that nobody writes to would wait for ever. */
const readWithoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

export const fileConsole = {
  properties: { console_file: { help: 'Absolute path of the file that holds the serial console; absent = no log' } },
  validate(node: NodeFacts) {
    fileOf(node);
  },
  async log(node: NodeFacts, lines?: number) {
    const path = fileOf(node);
    const file = path === undefined ? undefined : await open(path, readWithoutWaiting).catch(() => undefined);
    if (!file) return null;
    try {
      return lastLines(await readEnd(file), lines);
    } finally {
      await file.close();
    }
  },
} satisfies ConsoleInterface;

function fileOf(node: NodeFacts): string | undefined {
  const path = node.driver_info['console_file'];
  if (path === undefined || path === null || path === '') return undefined;
  if (typeof path === 'string' && isAbsolute(path)) return path;
  throw new Fault('driverInfo', { node: node.name ?? node.uuid, detail: 'console_file must be an absolute path.' });
}

async function readEnd(file: FileHandle): Promise<string> {
  const status = await file.stat();
  if (!status.isFile()) return '';
  const length = Math.min(status.size, maxBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, status.size - length);
  return buffer.toString('utf8', 0, bytesRead);
}

/** The newline at the end closes the last line and begins none. */
function lastLines(text: string, lines: number | undefined): string {
  if (lines === undefined) return text;
  if (lines <= 0) return '';
  return text
    .split('\n')
    .slice(text.endsWith('\n') ? -lines - 1 : -lines)
    .join('\n');
}
