import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkDiskFormat } from './disk-formats.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-no-disk-'));
after(() => rmSync(folder, { recursive: true }));
const disk = Buffer.alloc(100_000, 7);

function lay(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Created by the programs themselves. */
const packed: readonly (readonly [name: string, content: () => Buffer, what: RegExp])[] = [
  ['gzip', () => gzipSync(disk), /compressed with gzip; unpack it first/],
  ['xz', () => execFileSync('xz', ['-c'], { input: disk }), /compressed with xz/],
  ['zstd', () => execFileSync('zstd', ['-q', '-c'], { input: disk }), /compressed with zstd/],
  ['lzma', () => execFileSync('xz', ['--format=lzma', '-c'], { input: disk }), /compressed with lzma/],
  ['lzma-9', () => execFileSync('xz', ['--format=lzma', '-9', '-c'], { input: disk }), /compressed with lzma/],
  ['tar', () => execFileSync('tar', ['-c', '-C', folder, '.']), /a tar archive/],
  ['lz4', () => Buffer.concat([Buffer.from('04224d186440a7', 'hex'), disk]), /compressed with lz4/],
  ['marked page', () => Buffer.from(`\uFEFF \n<HTML lang="en"><body>404${' '.repeat(512)}`), /an HTML page/],
  [
    'refusal of an object store',
    () => Buffer.from('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'),
    /an XML document/,
  ],
  ['refusal of an API', () => Buffer.from('{"error": {"code": 404, "message": "no such image"}}'), /a JSON document/],
  ['page', () => Buffer.from('\n<!DOCTYPE html>\n<html><body>404</body></html>'), /an HTML page/],
];

for (const [name, content, what] of packed) {
  test(`rejects ${name} as a raw disk, and names its format`, async () => {
    const path = lay(name, content());
    await assert.rejects(checkDiskFormat(path, 'raw'), { code: 'invalidImageData', message: what });
  });
}

test('rejects web pages as kernel, ramdisk or partition, and archives as partition', async () => {
  const page = lay('error.html', '<html><body>404</body></html>');
  for (const format of ['aki', 'ari', 'ami'] as const)
    await assert.rejects(checkDiskFormat(page, format), { code: 'invalidImageData', message: /an HTML page/ });
  await assert.rejects(checkDiskFormat(lay('part.gz', gzipSync(disk)), 'ami'), {
    code: 'invalidImageData',
    message: /compressed with gzip/,
  });
});

test('accepts compressed kernels and ramdisks, and arbitrary disks', async () => {
  const gzip = lay('initrd', gzipSync(disk));
  for (const format of ['aki', 'ari'] as const) await checkDiskFormat(gzip, format);
  await checkDiskFormat(lay('raw', disk), 'raw');
  await checkDiskFormat(lay('text', 'BZh is how this text begins'), 'raw');
  await checkDiskFormat(lay('brace', Buffer.concat([Buffer.from('{"'), disk])), 'raw');
});
