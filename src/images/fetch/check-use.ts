/**
 * Kernels and ramdisks have no checksum in `instance_info`. Without this check, a user whose own kernel reads its ramdisk could
 * read any document of a server that this host reaches.
 */
import { open } from 'node:fs/promises';
import { kernelContentsOf } from '../boot-contents/kernel-file.ts';
import { refuseImage } from '../disk-formats.ts';

/** @throws Fault `invalidImageData` if it is no kernel, or no ramdisk */
export async function checkUse(use: 'disk' | 'kernel' | 'ramdisk', path: string): Promise<void> {
  if (use === 'kernel' && (await kernelContentsOf(path)).format === 'unknown') refuseImage('it is not known as a kernel');
  if (use === 'ramdisk' && !isRamdisk(await headOf(path))) refuseImage('it is no cpio archive, compressed or not');
}

/** Linux Documentation/driver-api/early-userspace/buffer-format.rst, and lib/decompress.c for compressed ones. */
const ramdiskMagics: readonly Buffer[] = [
  ...['070701', '070702', '070707', 'BZh', '\x89LZO'].map((text) => Buffer.from(text, 'latin1')),
  ...['c771', '71c7', '1f8b', 'fd377a585a00', '28b52ffd', '04224d18', '02214c18', '5d0000'].map((hex) => Buffer.from(hex, 'hex')),
];

function isRamdisk(head: Buffer): boolean {
  return ramdiskMagics.some((magic) => head.subarray(0, magic.length).equals(magic));
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), { position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
