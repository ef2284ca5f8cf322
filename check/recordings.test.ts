import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { provideRecordings } from './recordings.ts';
import { root } from './sources.ts';

/** A folder with `redfish.tar.xz`, in which one BMC returns `word`. */
function aFolder(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'check-recordings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const record = (word: string) => {
    mkdirSync(join(folder, 'redfish/bmc'), { recursive: true });
    writeFileSync(join(folder, 'redfish/bmc/index.json'), word);
    execFileSync('tar', ['-cJf', join(folder, 'redfish.tar.xz'), '-C', folder, 'redfish']);
  };
  const cache = join(folder, 'cache');
  const provide = () => provideRecordings({ INGOT_RECORDINGS: folder }, cache);
  return { folder, cache, record, provide };
}

test('unpacks the archive once, and again when it changes', (t) => {
  const { cache, record, provide } = aFolder(t);
  record('old');
  const { REFEREE_REDFISH_RECORDINGS: first = '', ...none } = provide();
  assert.deepEqual(none, {});
  assert.equal(readFileSync(join(first, 'bmc/index.json'), 'utf8'), 'old');
  const { ino } = statSync(first);
  assert.equal(statSync(provide()['REFEREE_REDFISH_RECORDINGS'] ?? '').ino, ino);

  record('new');
  const second = provide()['REFEREE_REDFISH_RECORDINGS'] ?? '';
  assert.equal(readFileSync(join(second, 'bmc/index.json'), 'utf8'), 'new');
  assert.equal(readdirSync(cache).length, 1);
});

test('concurrent runs share the result and leave nothing else behind', async (t) => {
  const { folder, cache, record } = aFolder(t);
  record('x'.repeat(1_000_000));
  const program = `
    const { provideRecordings } = await import('${root}/check/recordings.ts');
    process.stdout.write(provideRecordings({ INGOT_RECORDINGS: '${folder}' }, '${cache}').REFEREE_REDFISH_RECORDINGS);`;
  const said = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [text, [code]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
      return [code, text.join('')];
    }),
  );

  const [name = ''] = readdirSync(cache);
  assert.deepEqual(said, Array(4).fill([0, join(cache, name, 'redfish')]));
  assert.equal(readdirSync(cache).length, 1);
});

test('returns nothing without a folder, and reports a broken archive', (t) => {
  const { folder, cache } = aFolder(t);
  assert.deepEqual(provideRecordings({ INGOT_RECORDINGS: join(folder, 'none') }, cache), {});

  writeFileSync(join(folder, 'ipmi.tar.xz'), 'no archive');
  assert.throws(() => provideRecordings({ INGOT_RECORDINGS: folder }, cache), /tar -xJf .*ipmi\.tar\.xz/);
  assert.deepEqual(readdirSync(cache), []);
});
