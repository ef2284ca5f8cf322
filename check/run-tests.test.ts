import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { root } from './sources.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-check-'));
});
after(() => rm(folder, { recursive: true }));

/** Runs one test file through the runner, in a separate process: `node:test` does not nest. */
async function runOne(body: string, fileSeconds = 30): Promise<{ counts: Record<string, unknown>; output: string }> {
  const file = join(folder, 'subject.test.ts');
  await writeFile(file, `import { test } from 'node:test';\nimport { spawn } from 'node:child_process';\n${body}\n`);
  const script = join(folder, 'runner.ts');
  await writeFile(
    script,
    `import { runTests } from '${root}/check/run-tests.ts';
    const request = { files: ['${file}'], concurrency: 1, fileSeconds: ${fileSeconds}, signal: new AbortController().signal };
    console.log('COUNTS ' + JSON.stringify(await runTests(request)));`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, [script], { cwd: root, env });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const counts = output.match(/COUNTS (.*)/)?.[1];
  assert.ok(counts, output);
  return { counts: JSON.parse(counts), output };
}

test('counts passed, failed and skipped tests, the skipped ones with their reason', async () => {
  const { counts, output } = await runOne(`
    test('good', () => {});
    test('outer', async (t) => { await t.test('bad', () => { throw new Error('the cause'); }); });
    test('absent', { skip: 'needs a tool' }, () => {});
  `);

  assert.deepEqual({ passed: counts['passed'], failed: counts['failed'] }, { passed: 1, failed: 2 });
  assert.match(String(counts['failures']), /^[^,]*subject\.test\.ts: bad: the cause$/);
  const [skipped] = counts['skipped'] as Record<string, string>[];
  assert.deepEqual([skipped?.['name'], skipped?.['reason']], ['absent', 'needs a tool']);
  assert.match(output, /the cause/);
});

test('a file that does not load fails', async () => {
  const { counts } = await runOne("import './is-not-there.ts';");

  assert.equal(counts['failed'], 1);
});

test('a file that does not end is killed and fails', async () => {
  const { counts, output } = await runOne("test('quick', () => { setInterval(() => {}, 1000); });", 2);

  assert.equal(counts['failed'], 1);
  assert.match(output, /did not end within 2 s/);
});

test('a process left behind by a test is killed and fails the file', async () => {
  const { counts, output } = await runOne(`
    test('starts', () => { spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).unref(); });
  `);

  assert.deepEqual({ passed: counts['passed'], failed: counts['failed'] }, { passed: 1, failed: 1 });
  assert.match(output, /left processes behind \(ended now\): \d+ sleep/);
});
