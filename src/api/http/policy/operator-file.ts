/** Files of the operator that say who may do what. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Fault } from '#domain/faults.ts';

const largestFile = 1024 * 1024;

/** @throws what `invalid` makes of the reason */
export function readOperatorFile(file: string, invalid: (detail: string) => Fault): string {
  const start = readStart(file, largestFile + 1, invalid);
  if (start.length > largestFile) throw invalid(`it is larger than ${largestFile} bytes`);
  return start.toString('utf8');
}

/** At most `most` bytes, however large the file is, or says that it is. */
function readStart(file: string, most: number, invalid: (detail: string) => Fault): Buffer {
  const buffer = Buffer.alloc(most);
  let read = 0;
  try {
    const descriptor = openSync(file, 'r');
    try {
      if (fstatSync(descriptor).isDirectory()) throw new Error('it is a folder');
      for (let bytes = 1; bytes > 0 && read < most; read += bytes) bytes = readSync(descriptor, buffer, read, most - read, null);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw invalid((error as Error).message);
  }
  return buffer.subarray(0, read);
}
