import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSmallFile } from './small-file.ts';

test('reads a file, and rejects an endless device, a pipe without writer and a large file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-small-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'key'), 'abc');
  writeFileSync(join(folder, 'large'), Buffer.alloc(11));
  execFileSync('mkfifo', [join(folder, 'pipe')]);

  assert.equal(await readSmallFile(join(folder, 'key'), 10), 'abc');
  await assert.rejects(readSmallFile('/dev/zero', 10), { code: 'EINVAL' });
  await assert.rejects(readSmallFile(join(folder, 'pipe'), 10), { code: 'EINVAL' });
  await assert.rejects(readSmallFile(folder, 10), { code: 'EINVAL' });
  await assert.rejects(readSmallFile(join(folder, 'large'), 10), { code: 'EFBIG' });
  await assert.rejects(readSmallFile(join(folder, 'missing'), 10), { code: 'ENOENT' });
});
