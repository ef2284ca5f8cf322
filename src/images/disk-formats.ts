/**
 * Disk formats accepted for upload, detected by their first and last bytes. This only determines how a file is treated;
 * QEMU parses its contents (inspect-image.ts).
 */
import { open } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';

type Format = {
  /** The name of QEMU's driver. */
  readonly driver: string;
  /** Tests the file's own bytes; absent = anything that matches no other row. */
  readonly is?: (head: Buffer, tail: Buffer) => boolean;
};

const startsWith = (magic: string) => (head: Buffer) => head.toString('latin1', 0, magic.length) === magic;

/** Glance's names. */
export const diskFormatTable = {
  raw: { driver: 'raw' },
  ami: { driver: 'raw' },
  aki: { driver: 'raw' },
  ari: { driver: 'raw' },
  iso: { driver: 'raw', is: (head) => head.toString('latin1', 0x8001, 0x8006) === 'CD001' },
  qcow2: { driver: 'qcow2', is: startsWith('QFI\xfb') },
  vmdk: { driver: 'vmdk', is: startsWith('KDMV') },
  vdi: { driver: 'vdi', is: (head) => head.length >= 68 && head.readUInt32LE(64) === 0xbeda107f },
  vhd: { driver: 'vpc', is: (head, tail) => startsWith('conectix')(head) || startsWith('conectix')(tail) },
  vhdx: { driver: 'vhdx', is: startsWith('vhdxfile') },
} as const satisfies Record<string, Format>;

export type DiskFormat = keyof typeof diskFormatTable;

/** Formats in which a file contains the disk of another; an ISO is itself a disk. */
const containers = ['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'] as const;

/** Formats that QEMU reads but Ingot cannot deploy, and that must not pass as `raw`. */
const foreignMagics = {
  'a vmdk descriptor': '# Disk DescriptorFile',
  cowd: 'COWD',
  qed: 'QED\0',
  luks: 'LUKS\xba\xbe',
  parallels: 'WithoutFreeSpace',
  'parallels (extended)': 'WithouFreSpacExt',
  bochs: 'Bochs Virtual HD Image',
  cloop: '#!/bin/sh\n#V2.0 Format\nmodprobe cloop',
};

type Sign = readonly [what: string, is: (head: Buffer) => boolean];

const beginsWith = (pattern: RegExp) => (head: Buffer) => pattern.test(head.toString('utf8', 0, 512));

/** Error pages of a web server or object store in place of the image: neither a disk nor a kernel. */
const pageTable: readonly Sign[] = [
  ['an HTML page: what was downloaded is not the image', beginsWith(/^\s*(<!doctype html|<html)\b/i)],
  ['an XML document: what was downloaded is not the image', beginsWith(/^\s*<\?xml\b/i)],
  ['a JSON document: what was downloaded is not the image', beginsWith(/^\s*[{[]\s*[{"][\x20-\x7e\s]{16}/)],
];

/**
 * Compressed files, uploaded as downloaded: no disk begins like this. Kernels and ramdisks (aki, ari) may be
 * compressed.
 */
const packedTable: readonly Sign[] = [
  ['compressed with gzip; unpack it first', startsWith('\x1f\x8b')],
  ['compressed with xz; unpack it first', startsWith('\xfd7zXZ\0')],
  ['compressed with zstd; unpack it first', startsWith('\x28\xb5\x2f\xfd')],
  ['compressed with bzip2; unpack it first', (head) => /^BZh[1-9]1AY&SY/.test(head.toString('latin1', 0, 10))],
  ['compressed with lz4; unpack it first', startsWith('\x04\x22\x4d\x18')],
  ['compressed with lzip; unpack it first', startsWith('LZIP\x01')],
  // Properties and dictionary size as xz writes them, and an unknown file size.
  ['compressed with lzma; unpack it first', (head) => /^5d0000..0[0-4](ff){8}$/.test(head.toString('hex', 0, 13))],
  ['a zip archive; unpack it first', startsWith('PK\x03\x04')],
  ['a 7z archive; unpack it first', startsWith('7z\xbc\xaf\x27\x1c')],
  ['a tar archive (an OVA is one, too); unpack it first', (head) => head.toString('latin1', 257, 262) === 'ustar'],
];

/** By declared format; the other formats are identified by their own bytes. */
const noDiskTable: Readonly<Partial<Record<DiskFormat, readonly Sign[]>>> = {
  raw: [...pageTable, ...packedTable],
  ami: [...pageTable, ...packedTable],
  aki: pageTable,
  ari: pageTable,
};

export function isDiskFormat(name: string | null | undefined): name is DiskFormat {
  return typeof name === 'string' && Object.hasOwn(diskFormatTable, name);
}

export function driverOf(format: DiskFormat): string {
  return diskFormatTable[format].driver;
}

/** By its contents: a format that holds a disk, or `raw`. */
export async function detectDiskFormat(path: string): Promise<DiskFormat> {
  const { head, tail } = await readEnds(path);
  return containers.find((name) => diskFormatTable[name].is(head, tail)) ?? 'raw';
}

export async function isIso(path: string): Promise<boolean> {
  return diskFormatTable.iso.is((await readEnds(path)).head);
}

/**
 * In Glance's words (glance/location.py, set_data). Glance lets `raw` contain any format; here it would not boot.
 * @throws Fault `invalidImageData` unless the file matches its declared format and no other
 */
export async function checkDiskFormat(path: string, declared: DiskFormat): Promise<void> {
  const { head, tail } = await readEnds(path);
  const format: Format = diskFormatTable[declared];
  const claims = claimsOn(head, tail).filter((name) => name !== declared);
  const isDeclared = format.is?.(head, tail) ?? false;
  if (isDeclared && claims.length > 0) refuse(`Multiple formats detected: ${[declared, ...claims].join(',')}`);
  const [other = format.is ? 'raw' : undefined] = claims;
  if (!isDeclared && other) refuse(`Image disk_format ${declared} does not match stream data ${other}`);
  const noDisk = noDiskTable[declared]?.find(([, is]) => is(head))?.[0];
  if (noDisk) refuseImage(`it was declared as ${declared}, but its contents are ${noDisk}`);
  if (declared === 'vhd' && !standsAlone(head, tail)) refuseUnsafe('it is a differencing disk; merge it with its parent');
}

export function refuseImage(detail: string, cause?: unknown): never {
  return refuse(`The image data cannot be used: ${detail}.`, cause);
}

/** What Glance calls a safety check; it does not say which one. */
export function refuseUnsafe(detail: string): never {
  return refuse(`Image failed safety checks: ${detail}.`);
}

function refuse(detail: string, cause?: unknown): never {
  throw new Fault('invalidImageData', { detail }, cause);
}

function claimsOn(head: Buffer, tail: Buffer): string[] {
  const foreign = Object.entries(foreignMagics).filter(([, magic]) => startsWith(magic)(head));
  return [...containers.filter((name) => diskFormatTable[name].is(head, tail)), ...foreign.map(([name]) => name)];
}

/**
 * QEMU reads a differencing VHD as if it were complete. Virtual Hard Disk Image Format 1.0, "Disk Type": 2 fixed, 3
 * dynamic.
 */
function standsAlone(...ends: Buffer[]): boolean {
  return ends.filter(startsWith('conectix')).every((footer) => footer.length >= 64 && [2, 3].includes(footer.readUInt32BE(60)));
}

const headBytes = 64 * 1024;

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
