import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { root } from '../sources.ts';
import { type Job, jobTable } from './jobs.ts';
import { printSummary, runJobs } from './run-jobs.ts';

function aPlace(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'nightly-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, shown: new PassThrough().resume() };
}

/** A job that runs a shell line. */
const aJob = (name: string, line: string, minutes = 1): Job => ({ name, what: name, minutes, command: ['sh', '-c', line] });
const never = new AbortController().signal;

test('runs each job whatever the result of the previous one, and keeps its output', async (t) => {
  const place = aPlace(t);
  const { folder } = place;

  const outcomes = await runJobs([aJob('bad', 'echo sorry >&2; exit 3'), aJob('good', 'echo fine')], never, place);

  const problems = outcomes.map(({ name, problem }) => [name, problem]);
  assert.deepEqual(problems, [
    ['bad', 'ended with 3'],
    ['good', undefined],
  ]);
  assert.equal(readFileSync(join(folder, 'bad.log'), 'utf8'), 'sorry\n');
  assert.equal(readFileSync(join(folder, 'good.log'), 'utf8'), 'fine\n');
});

test('ends a job at its time limit, with its child processes', async (t) => {
  const place = aPlace(t);
  const { folder } = place;

  const [outcome] = await runJobs([aJob('long', 'sleep 60 & echo $!; wait', 0.005)], never, place);

  assert.match(outcome?.problem ?? '', /^had not ended after 0\.005 minutes$/);
  const pid = Number(readFileSync(join(folder, 'long.log'), 'utf8'));
  while (isAlive(pid)) await pause(20);
});

test('a signal ends the running job and skips the rest', async (t) => {
  const stop = new AbortController();
  const running = runJobs([aJob('one', 'sleep 60'), aJob('two', 'true')], stop.signal, aPlace(t));
  stop.abort();
  assert.deepEqual(
    (await running).map(({ name, problem }) => [name, problem]),
    [['one', 'interrupted']],
  );
});

test('counts results in the summary', (t) => {
  const write = t.mock.method(process.stdout, 'write', () => true);
  printSummary([
    { name: 'one', seconds: 61, problem: undefined },
    { name: 'two', seconds: 1, problem: 'ended with 1' },
  ]);
  const text = write.mock.calls.map(({ arguments: [words] }) => words).join('');
  write.mock.restore();
  assert.match(text, /ok {6}one \(1 min 1 s\)\nFAILED {2}two \(0 min 1 s\) {2}ended with 1\n1 passed, 1 failed, 0 skipped\n$/);
});

test('runs the commands of README on a fresh Debian', () => {
  const commands = jobTable.find(({ name }) => name === 'fresh-debian')?.command.slice(-2) ?? [];
  const page = readFileSync(`${root}/README.md`, 'utf8');
  assert.deepEqual(commands, ['npm run demo -- --once', 'npm test']);
  for (const line of ['npm run demo', 'npm test']) assert.ok(page.includes(`\n    ${line}\n`), line);
});

test('the time limits of all jobs fit into one night', () => {
  assert.ok(jobTable.reduce((sum, { minutes }) => sum + minutes, 0) <= 9 * 60);
});

/** A zombie has exited; its parent may not have reaped it yet. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('skips a job that this machine cannot run, and reports the reason and skipped parts', async (t) => {
  const place = aPlace(t);
  const impossible: Job = { ...aJob('impossible', 'exit 1'), needs: [{ program: 'no-such-program' }] };

  const outcomes = await runJobs([impossible, aJob('partly', 'echo "skipped: a test (no KVM)"')], never, place);
  const write = t.mock.method(process.stdout, 'write', () => true);
  printSummary(outcomes, ['other']);
  write.mock.restore();

  const text = String(write.mock.calls.at(-1)?.arguments[0]);
  assert.match(text, /^skipped impossible {2}the program no-such-program is missing; bin\/setup installs it$/m);
  assert.match(text, /^ok {6}partly \(0 min \d+ s\)$/m);
  assert.match(text, /^skipped other {2}not asked for$/m);
  assert.match(text, /^skipped in partly: a test \(no KVM\)$/m);
  assert.match(text, /^1 passed, 0 failed, 2 skipped$/m);
});
