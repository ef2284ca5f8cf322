import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksumOf, findChecksum } from './checksums.ts';

const [md5, sha256, sha512] = ['a'.repeat(32), 'b'.repeat(64), 'c'.repeat(128)] as const;

test('tells the algorithm by the length', () => {
  assert.deepEqual(checksumOf(md5.toUpperCase()), { algorithm: 'md5', value: md5 });
  assert.deepEqual(checksumOf(sha512, 'SHA512'), { algorithm: 'sha512', value: sha512 });
  for (const text of ['', 'x'.repeat(64), 'a'.repeat(40)]) assert.equal(checksumOf(text), undefined);
  assert.equal(checksumOf(sha256, 'sha512'), undefined);
});

test('finds the checksum of a name in the files that clients publish', () => {
  const found = { algorithm: 'sha256', value: sha256 };
  const other = `${'d'.repeat(64)}  other.img`;
  for (const text of [
    `${sha256}\n`,
    `${other}\n${sha256}  disk.img\r\n`,
    `${other}\n${sha256} *disk.img`,
    `# disk.img: 10 bytes\n${other}\nSHA256 (disk.img) = ${sha256}`,
    `disk.img ${'e'.repeat(10)}\n${sha256}\tdisk.img`,
  ])
    assert.deepEqual(findChecksum(text, 'disk.img'), found, text);
});

test('tells why a file has none', () => {
  assert.deepEqual(findChecksum('\n \n', 'disk.img'), { why: 'Checksum file empty.' });
  assert.deepEqual(findChecksum('<html>', 'disk.img'), { why: 'Invalid checksum file (No valid checksum found)' });
  for (const text of [`${sha256}  other-disk.img`, `${sha256}  disk.img.sig`, `${sha256} (disk)`, `# ${sha256}  disk.img`])
    assert.deepEqual(findChecksum(text, 'disk.img'), { why: 'Checksum file does not contain name disk.img' }, text);
});
