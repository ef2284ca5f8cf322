/** The kernel command line: it carries the boot's parameters for the ramdisk. */
import { ethernetForm } from '../agent-protocol/infiniband.ts';

export type KernelLine = ReadonlyMap<string, string>;

/** `a=1 b="two words" c` → a: 1, b: two words, c: (empty). The last of equal names wins, as in the kernel. */
export function parseKernelLine(text: string): KernelLine {
  const line = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/([^\s=]+)(?:=((?:"[^"]*"|[^\s"])*))?/g)) {
    line.set(name as string, (value ?? '').replaceAll('"', ''));
  }
  return line;
}

/**
 * pxelinux's `ipappend 2` and our iPXE scripts give the booting NIC as `BOOTIF=01-52-54-00-…`; iPXE has the full
 * address of an InfiniBand port, or its GUID.
 */
export function bootMac(line: KernelLine): string | null {
  const match = /^[0-9a-f]{2}((?:-[0-9a-f]{2}){6}|(?:-[0-9a-f]{2}){8}|(?:-[0-9a-f]{2}){20})$/i.exec(line.get('BOOTIF') ?? '');
  return match ? ethernetForm((match[1] as string).slice(1).replaceAll('-', ':').toLowerCase()) : null;
}

/** pxelinux's `ipappend 1` gives `ip=client:boot-server:gateway:netmask`. */
export function bootServer(line: KernelLine): string | undefined {
  return line.get('ip')?.split(':')[1] || undefined;
}
