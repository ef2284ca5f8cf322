/**
 * Disk formats that may be uploaded, told apart by their own bytes. An image is a stranger's file: one that refers to
 * other files (a backing file, external data, flat extents) would make the converter read this host's files into a
 * tenant's disk, so it is refused here, before any other program opens it.
 */
import { open } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';

type Format = {
  /** The name of QEMU's driver. */
  readonly driver: string;
  /** What the file's own bytes must say; absent = anything that no other row claims. */
  readonly is?: (head: Buffer, tail: Buffer) => boolean;
  /** Why the file is refused, if so. */
  readonly refuse?: (head: Buffer) => string | undefined;
};

const startsWith = (magic: string) => (head: Buffer) => head.toString('latin1', 0, magic.length) === magic;

/** Glance's names. */
export const diskFormatTable = {
  raw: { driver: 'raw' },
  ami: { driver: 'raw' },
  aki: { driver: 'raw' },
  ari: { driver: 'raw' },
  iso: { driver: 'raw', is: (head) => head.toString('latin1', 0x8001, 0x8006) === 'CD001' },
  qcow2: { driver: 'qcow2', is: startsWith('QFI\xfb'), refuse: refuseQcow2 },
  vmdk: { driver: 'vmdk', is: startsWith('KDMV'), refuse: refuseVmdk },
  vdi: { driver: 'vdi', is: (head) => head.length >= 68 && head.readUInt32LE(64) === 0xbeda107f },
  vhd: { driver: 'vpc', is: (head, tail) => startsWith('conectix')(head) || startsWith('conectix')(tail) },
  vhdx: { driver: 'vhdx', is: startsWith('vhdxfile') },
} as const satisfies Record<string, Format>;

export type DiskFormat = keyof typeof diskFormatTable;

/** Formats that nothing here can deploy, yet that must not pass as `raw`. */
const foreignMagics = { vmdk: '# Disk DescriptorFile', cowd: 'COWD', qed: 'QED\0', luks: 'LUKS\xba\xbe' };

export function isDiskFormat(name: string | null | undefined): name is DiskFormat {
  return typeof name === 'string' && Object.hasOwn(diskFormatTable, name);
}

export function driverOf(format: DiskFormat): string {
  return diskFormatTable[format].driver;
}

const headBytes = 64 * 1024;

/** Throws `badRequest` unless the file is what it was declared to be and stands alone. */
export async function checkDiskFormat(path: string, declared: DiskFormat): Promise<void> {
  const { head, tail } = await readEnds(path);
  const format: Format = diskFormatTable[declared];
  if (format.is && !format.is(head, tail)) refuse(`it was declared as ${declared}, but its contents are not`);
  if (!format.is) {
    const other = claimedBy(head);
    if (other) refuse(`it was declared as ${declared}, but its contents are ${other}`);
  }
  const reason = format.refuse?.(head);
  if (reason) refuse(reason);
}

function refuse(detail: string): never {
  throw new Fault('badRequest', { detail: `The image data cannot be used: ${detail}.` });
}

function claimedBy(head: Buffer): string | undefined {
  const none = Buffer.alloc(0);
  for (const name of ['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'] as const) {
    if (diskFormatTable[name].is(head, none)) return name;
  }
  return Object.entries(foreignMagics).find(([, magic]) => startsWith(magic)(head))?.[0];
}

async function readEnds(path: string): Promise<{ head: Buffer; tail: Buffer }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const head = await file.read(Buffer.alloc(Math.min(size, headBytes)), { position: 0 });
    const tail = await file.read(Buffer.alloc(Math.min(size, 512)), { position: Math.max(size - 512, 0) });
    return { head: head.buffer.subarray(0, head.bytesRead), tail: tail.buffer.subarray(0, tail.bytesRead) };
  } finally {
    await file.close();
  }
}

/** Features that QEMU calls incompatible: dirty, corrupt, external data, compression type, extended L2. */
const qcow2Features = { externalData: 1n << 2n, known: 0b1_1111n };

/** QEMU docs/interop/qcow2.txt: backing file offset at 8, size at 24, incompatible features at 72. */
function refuseQcow2(head: Buffer): string | undefined {
  if (head.length < 72) return 'its qcow2 header is cut off';
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `qcow2 version ${version} is not known`;
  if (head.readBigUInt64BE(8) !== 0n) return 'it has a backing file; flatten it with `qemu-img convert`';
  if (version === 2) return undefined;
  if (head.length < 104) return 'its qcow2 header is cut off';
  const features = head.readBigUInt64BE(72);
  if (features & qcow2Features.externalData) return 'its data is in another file; flatten it with `qemu-img convert`';
  if (features & ~qcow2Features.known) return 'it uses qcow2 features that are not known';
  return undefined;
}

/** Virtual Disk Format 5.0: descriptor offset and size, in sectors, at 28 and 36 of a sparse extent's header. */
function refuseVmdk(head: Buffer): string | undefined {
  if (head.length < 512) return 'its vmdk header is cut off';
  const start = Number(head.readBigUInt64LE(28)) * 512;
  const length = Number(head.readBigUInt64LE(36)) * 512;
  const descriptor = head.toString('latin1', start, Math.min(start + length, head.length));
  const type = /^createType="(\w+)"/m.exec(descriptor)?.[1];
  const standsAlone = type === 'monolithicSparse' || type === 'streamOptimized';
  return standsAlone ? undefined : `a vmdk must be monolithicSparse or streamOptimized, not ${type ?? 'without a descriptor'}`;
}

/** The size of the disk in a qcow2 file, as its header says. */
export async function qcow2VirtualSize(path: string): Promise<number> {
  const { head } = await readEnds(path);
  return Number(head.readBigUInt64BE(24));
}
