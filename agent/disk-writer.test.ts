import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DiskWriter } from './disk-writer.ts';

// Not below /tmp: that may be a tmpfs, which does not support direct writes.
const folder = mkdtempSync('/var/tmp/ingot-agent-');
after(() => rmSync(folder, { recursive: true }));

for (const [name, unit] of [
  ['whole blocks', 4096],
  ['any lengths and places', 1],
] as const) {
  test(`writes ${name} to the disk and changes nothing else`, async () => {
    const size = 24 * 1024 ** 2;
    const expected = Buffer.alloc(size, 0x55);
    const file = join(folder, name);
    writeFileSync(file, expected);
    const writer = await DiskWriter.open(file);
    for (let at = 0; at < size; ) {
      const length = Math.min(size - at, randomInt(1, Math.floor(6_000_000 / unit)) * unit);
      const data = randomBytes(length);
      await writer.write(data, at);
      data.copy(expected, at);
      at += length + randomInt(0, 3) * unit;
    }
    const hole = { offset: 5 * unit, length: 6 * 1024 ** 2 };
    await writer.writeZeros(hole);
    expected.fill(0, hole.offset, hole.offset + hole.length);
    await writer.sync();
    await writer.close();
    assert.ok(readFileSync(file).equals(expected));
  });
}

test('reports a disk error', async () => {
  const writer = await DiskWriter.open('/dev/full');
  const written = writer.write(Buffer.alloc(9 * 1024 ** 2), 0).then(() => writer.sync());
  await assert.rejects(written, { code: 'ENOSPC' });
  await writer.close();
});
