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

/** Runs one test file through the runner. */
function runOne(body: string, fileSeconds = 30): ReturnType<typeof runFiles> {
  return runFiles({ 'subject.test.ts': body }, fileSeconds);
}

/** Runs test files in one process, by a runner in a separate process: `node:test` does not nest. */
async function runFiles(
  bodies: Readonly<Record<string, string>>,
  fileSeconds: number,
): Promise<{ counts: Record<string, unknown>; output: string }> {
  const files = Object.keys(bodies).map((name) => join(folder, name));
  for (const [name, body] of Object.entries(bodies)) {
    const imports = ["import { after, before, test } from 'node:test';", "import { spawn } from 'node:child_process';"];
    await writeFile(join(folder, name), `${imports.join('\n')}\n${body}\n`);
  }
  const script = join(folder, 'runner.ts');
  await writeFile(
    script,
    `import { runTests } from '${root}/check/run-tests.ts';
    const request = { files: ${JSON.stringify(files)}, concurrency: 1, together: true, fileSeconds: ${fileSeconds}, signal: new AbortController().signal };
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

test('files in one process have hooks of their own', async () => {
  const body = (name: string) => `
    let ready = 0;
    before(() => { ready += 1; });
    after(() => console.log('${name} had ' + ready));
    test('is ready', () => { if (ready !== 1 || !process.argv[1].endsWith('${name}.test.ts')) throw new Error('not ready'); });`;
  const { counts, output } = await runFiles({ 'a.test.ts': body('a'), 'b.test.ts': body('b'), 'c.test.ts': body('c') }, 30);

  assert.deepEqual([counts['passed'], counts['failed'], counts['failures']], [3, 0, []]);
  for (const name of ['a', 'b', 'c']) assert.match(output, new RegExp(`${name} had 1`));
});

test('the file that hangs, ends its process or leaves something is named, and those after it run', async () => {
  const { counts } = await runFiles(
    {
      'bad.test.ts': "test('bad', () => { throw new Error('the cause'); });",
      'changes.test.ts': "test('ok', () => { process.env['LEFT_HERE'] = '1'; });",
      'ends.test.ts': "test('ends it', () => process.exit(3));",
      'hangs.test.ts': "test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));",
      'left.test.ts': "test('ok', () => { spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).unref(); });",
      'server.test.ts':
        "test('ok', async () => { const { createServer } = await import('node:net'); createServer().listen(0, '127.0.0.1'); });",
      'throws.test.ts': "throw new Error('no test here');",
      'z.test.ts': "test('good', () => {});",
    },
    4,
  );

  const failures = (counts['failures'] as string[]).map((line) => line.slice(line.lastIndexOf('/') + 1)).sort();
  const [bad, changes, ends, hangs, left, server, throws] = failures;
  assert.equal(failures.length, 7, failures.join('\n'));
  assert.equal(bad, 'bad.test.ts: bad: the cause');
  assert.match(changes ?? '', /^changes\.test\.ts: changed what the process has for all files: LEFT_HERE$/);
  assert.match(ends ?? '', /^ends\.test\.ts: its process ended/);
  assert.match(hangs ?? '', /^hangs\.test\.ts: did not end within 4 s/);
  assert.match(left ?? '', /^left\.test\.ts: left processes behind \(ended now\): \d+ sleep$/);
  assert.match(server ?? '', /^server\.test\.ts: did not end within 4 s/);
  assert.match(throws ?? '', /^throws\.test\.ts: the file: no test here$/);
  assert.deepEqual([counts['passed'], counts['failed']], [4, 7]);
  const durations = counts['durations'] as { file: string }[];
  assert.deepEqual(durations.map(({ file }) => file.slice(file.lastIndexOf('/') + 1)).length, 8);
});
