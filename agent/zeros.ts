import type { FileHandle } from 'node:fs/promises';

const zeros = Buffer.alloc(1024 ** 2);

/** Writes zeros; works on any disk. */
export async function writeZeros(file: FileHandle, range: { offset: number; length: number }): Promise<void> {
  const end = range.offset + range.length;
  for (let at = range.offset; at < end; ) {
    const { bytesWritten } = await file.write(zeros, 0, Math.min(zeros.length, end - at), at);
    at += bytesWritten;
  }
}

export async function readsAsZeros(file: FileHandle, range: { offset: number; length: number }): Promise<boolean> {
  const buffer = Buffer.alloc(range.length, 1);
  const { bytesRead } = await file.read(buffer, 0, range.length, range.offset);
  return buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead));
}
