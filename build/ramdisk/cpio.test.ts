import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CpioEntry, cpioArchive, folderEntries } from './cpio.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-cpio-'));
after(() => rmSync(folder, { recursive: true }));

const entries: CpioEntry[] = [
  { path: 'etc', mode: 0o755, type: 'folder' },
  { path: 'etc/odd', mode: 0o644, type: 'file', content: Buffer.from('five!') },
  { path: 'etc/none', mode: 0o600, type: 'file', content: Buffer.alloc(0) },
  { path: 'init', mode: 0o755, type: 'file', content: Buffer.from('#!/bin/sh\n') },
  { path: 'sh', mode: 0o777, type: 'link', target: 'etc/odd' },
];

test('cpio unpacks the archive', () => {
  const archive = Buffer.concat([...cpioArchive(entries)]);
  execFileSync('cpio', ['-i', '-d', '--quiet'], { input: archive, cwd: folder });
  assert.equal(readFileSync(join(folder, 'etc/odd'), 'utf8'), 'five!');
  assert.equal(lstatSync(join(folder, 'etc/none')).size, 0);
  assert.equal(lstatSync(join(folder, 'etc/none')).mode & 0o777, 0o600);
  assert.equal(lstatSync(join(folder, 'init')).mode & 0o777, 0o755);
  assert.equal(readlinkSync(join(folder, 'sh')), 'etc/odd');
});

test('packs the same folder to the same bytes, with a complete listing', () => {
  const pack = () => Buffer.concat([...cpioArchive(folderEntries(folder))]);
  assert.ok(pack().equals(pack()));
  const names = execFileSync('cpio', ['-t', '--quiet'], { input: pack(), encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(names, ['etc', 'etc/none', 'etc/odd', 'init', 'sh']);
});

test('encodes a device node as the kernel expects', () => {
  const device: CpioEntry = { path: 'dev/console', mode: 0o600, type: 'device', major: 5, minor: 1 };
  const archive = Buffer.concat([...cpioArchive([device])]);
  const listing = execFileSync('cpio', ['-t', '-v', '--quiet', '--numeric-uid-gid'], { input: archive, encoding: 'utf8' });
  assert.match(listing, /^crw------- +1 0 +0 +5, +1 .* dev\/console/);
});
