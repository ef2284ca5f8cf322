import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ImageMapReader } from './image-map.ts';
import { dataRuns } from './qemu-img.ts';

const entry = (start: number, length: number, data: boolean) =>
  JSON.stringify({ start, length, depth: 0, present: true, zero: !data, data, offset: start });
/** Alternating blocks of data and holes: what a tenant can express in a small compressed image. */
const striped = (count: number, block: number) =>
  `[${Array.from({ length: count }, (_, at) => `${entry(2 * at * block, block, true)},\n${entry((2 * at + 1) * block, block, false)}`).join(',\n')}]\n`;

test('reads a map however its text is split', () => {
  const text = striped(3, 4096);
  for (const piece of [1, 7, 100, text.length]) {
    const map = new ImageMapReader();
    for (let at = 0; at < text.length; at += piece) map.read(text.slice(at, at + piece));
    assert.deepEqual(
      map.finish(),
      [0, 8192, 16384].map((start) => ({ start, length: 4096 })),
    );
  }
});

test('merges a million holes into a short list that covers all data', () => {
  const map = new ImageMapReader();
  const count = 400_000;
  for (let at = 0; at < count; at++) map.read(`${at === 0 ? '[' : ',\n'}${entry(2 * at * 65_536 * 4, 65_536, true)}`);
  map.read(']\n');
  const runs = map.finish();
  assert.ok(runs.length <= 100_000, `${runs.length} runs`);
  const last = 2 * (count - 1) * 65_536 * 4;
  const covering = (place: number) => runs.filter(({ start, length }) => start <= place && place + 65_536 <= start + length);
  for (const place of [0, last, last / 2]) assert.equal(covering(place).length, 1);
  assert.equal(runs.at(-1)!.start + runs.at(-1)!.length, last + 65_536);
});

test('rejects a truncated map or other text', () => {
  for (const text of ['', '[{ "start": 0, ', '[{"start":"0","length":1,"zero":false,"data":true}]', `[${'{'.repeat(100_000)}]`]) {
    const map = new ImageMapReader();
    map.read(text);
    assert.throws(() => map.finish(), { code: 'toolFailed' }, text.slice(0, 30));
  }
});

test('reads a map of qemu-img', async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-image-map-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'disk');
  const file = await open(path, 'w');
  for (const place of [0, 1, 5]) await file.write(Buffer.alloc(65_536, 1), 0, 65_536, place * 1024 ** 2);
  await file.truncate(8 * 1024 ** 2);
  await file.close();
  const runs = await dataRuns({ path, format: 'raw' }, { confinement: 'none' });
  assert.deepEqual(
    runs,
    [0, 1, 5].map((mebibyte) => ({ start: mebibyte * 1024 ** 2, length: 65_536 })),
  );
});
