/** Malicious image files, built byte by byte: no benign program would write them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const sector = 512;

export type VmdkParts = { descriptor: readonly string[]; capacity?: bigint };

/** A sparse extent (Virtual Disk Format 5.0, SparseExtentHeader) with an embedded descriptor and no data. */
export function aVmdk({ descriptor, capacity = 0n }: VmdkParts): Buffer {
  const file = Buffer.alloc(256 * sector);
  file.write('KDMV', 0, 'latin1');
  file.writeUInt32LE(1, 4);
  file.writeUInt32LE(3, 8);
  file.writeBigUInt64LE(capacity, 12);
  file.writeBigUInt64LE(128n, 20);
  file.writeBigUInt64LE(1n, 28);
  file.writeBigUInt64LE(20n, 36);
  file.writeUInt32LE(512, 44);
  file.writeBigUInt64LE(21n, 48);
  file.writeBigUInt64LE(26n, 56);
  file.writeBigUInt64LE(128n, 64);
  file.write('\n \r\n', 73, 'latin1');
  const head = ['# Disk DescriptorFile', 'version=1', 'CID=fffffffe', 'parentCID=ffffffff'];
  file.write([...head, ...descriptor, 'ddb.adapterType = "ide"', ''].join('\n'), sector, 'latin1');
  return file;
}

/** QEMU uses the first `createType` wherever it is, and with a capacity of 0 relies on the extents. */
export function aVmdkOfAnotherFile(path: string): Buffer {
  return aVmdk({
    descriptor: ['# createType="monolithicFlat"', 'createType="monolithicSparse"', `RW 1 FLAT "${path}" 0`],
  });
}

/** QEMU docs/interop/qcow2.txt: header at 0, refcounts, L1 and one L2 table in the clusters behind it. */
export function aQcow2(size: bigint, { backing = '', dataFile = '' } = {}): Buffer {
  const cluster = 65536;
  const file = Buffer.alloc(4 * cluster);
  file.write('QFI\xfb', 0, 'latin1');
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(16, 20);
  file.writeBigUInt64BE(size, 24);
  file.writeUInt32BE(Math.max(Number((size + 2n ** 29n - 1n) / 2n ** 29n), 1), 36);
  file.writeBigUInt64BE(BigInt(3 * cluster), 40);
  file.writeBigUInt64BE(BigInt(cluster), 48);
  file.writeUInt32BE(1, 56);
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(104, 100);
  file.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let at = 0; at < 4; at++) file.writeUInt16BE(1, 2 * cluster + 2 * at);
  if (backing) {
    file.writeBigUInt64BE(1024n, 8);
    file.writeUInt32BE(file.write(backing, 1024), 16);
  }
  if (dataFile) {
    file.writeBigUInt64BE(4n, 72);
    file.writeUInt32BE(0x44415441, 104);
    file.writeUInt32BE(file.write(dataFile, 112), 108);
  }
  return file;
}

/** An image created by `qemu-img create`, with some bytes changed. */
export function patched(folder: string, create: readonly string[], patch: (file: Buffer) => Buffer | undefined): Buffer {
  const path = join(folder, 'patched');
  execFileSync('qemu-img', ['create', '-q', ...create.slice(0, -1), path, ...create.slice(-1)]);
  const file = readFileSync(path);
  return patch(file) ?? file;
}
