import { open } from 'node:fs/promises';
import type { KernelContents } from '#domain/kernel-contents.ts';
import { architectureOf } from './efi-loaders.ts';

/** The headers of all formats are within this. */
const headBytes = 4096;

export async function kernelContentsOf(path: string): Promise<KernelContents> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), { position: 0 });
    return readKernel(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** An x86 kernel with an EFI stub is both formats; it is reported as bzImage. */
export function readKernel(head: Buffer): KernelContents {
  if (isBzImage(head)) return { format: 'bzImage', architecture: 'x86_64' };
  // Linux Documentation/arch/arm64/booting.rst; it may have an EFI stub as well.
  if (head.toString('latin1', 0x38, 0x3c) === 'ARMd') return { format: 'arm64 Image', architecture: 'aarch64' };
  const efi = architectureOf(head);
  if (efi) return { format: 'EFI program', architecture: efi };
  if (head.length >= 20 && head.toString('latin1', 0, 4) === '\x7fELF') return { format: 'ELF', architecture: elfMachine(head) };
  const isCompressed = ['\x1f\x8b', '\xfd7zXZ\0', '\x28\xb5\x2f\xfd'].some(
    (magic) => head.toString('latin1', 0, magic.length) === magic,
  );
  return { format: isCompressed ? 'compressed file' : 'unknown', architecture: null };
}

/** Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header", protocol 2.00 and later. */
function isBzImage(head: Buffer): boolean {
  return head.length >= 0x206 && head.readUInt16LE(0x1fe) === 0xaa55 && head.toString('latin1', 0x202, 0x206) === 'HdrS';
}

/** ELF: e_machine, in the byte order of EI_DATA. */
const elfMachines: Readonly<Record<number, string>> = {
  3: 'i686',
  20: 'ppc64',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
  258: 'loongarch64',
};

function elfMachine(head: Buffer): string | null {
  return elfMachines[head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)] ?? null;
}
