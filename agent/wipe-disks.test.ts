import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { Log } from './log.ts';
import { fileMachine, type Machine } from './machine.ts';
import { wipeDisks } from './wipe-disks.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-'));
const files = ['one', 'two'].map((name) => join(folder, name));
const sizes = [9 * 1024 ** 2, 5 * 1024 ** 2 + 4096];
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const [index, file] of files.entries()) writeFileSync(file, randomBytes(sizes[index] as number));
});

const real = fileMachine(files, () => {});
const signal = new AbortController().signal;
const isZero = (file: string) => readFileSync(file).every((byte) => byte === 0);

async function wipe(machine: Machine) {
  const progress: number[] = [];
  const context = {
    signal,
    progress: (step: { done_bytes: number; total_bytes: number }) => progress.push(step.done_bytes / step.total_bytes),
  };
  const { disks } = await wipeDisks({ machine, log: new Log(() => {}) }, context);
  assert.equal(progress.at(-1), 1);
  return disks;
}

test('discards every disk and reports it', async () => {
  const disks = await wipe(real);
  assert.deepEqual(
    disks.map(({ device, method, size_bytes }) => [device, method, size_bytes]),
    files.map((file, index) => [file, 'discard', sizes[index]]),
  );
  assert.ok(files.every(isZero));
});

test('does not accept a discard that leaves data readable', async () => {
  const disks = await wipe({ ...real, discard: async () => {} });
  assert.ok(disks.every(({ method }) => method === 'zeroout'));
  assert.ok(files.every(isZero));
});

test('overwrites a disk that supports neither discard nor write-zeroes', async () => {
  const plain = (disks: ReturnType<Machine['disks']>) => disks.map((disk) => ({ ...disk, write_zeroes_max_bytes: 0 }));
  const disks = await wipe({
    ...real,
    disks: () => plain(real.disks()),
    discard: () => Promise.reject(new Error('not supported')),
  });
  assert.ok(disks.every(({ method }) => method === 'overwrite'));
  assert.ok(files.every(isZero));
});

test('skips a removable disk', async () => {
  const disks = await wipe({
    ...real,
    disks: () => real.disks().map((disk) => ({ ...disk, removable: disk.device === files[1] })),
  });
  assert.deepEqual(
    disks.map(({ device }) => device),
    [files[0]],
  );
  assert.ok(!isZero(files[1] as string));
});

test('names a disk that fails', async () => {
  const broken = {
    ...real,
    discard: () => Promise.reject(new Error('no')),
    zeroRange: () => Promise.reject(new Error('I/O error')),
  };
  await assert.rejects(wipe(broken), /one could not be wiped: I\/O error|two could not be wiped: I\/O error/);
});
