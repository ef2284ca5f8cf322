/** Runs test files, each in its own process, and counts the results. */
import { randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';
import { plainEnvironment } from './environment.ts';
import { endLeftovers, leftoverVariable } from './leftovers.ts';
import { root } from './sources.ts';

export type SkippedTest = { file: string; name: string; reason: string };
export type TestCounts = {
  passed: number;
  failed: number;
  skipped: SkippedTest[];
  failures: string[];
  /** Each file and how long it took, in the order in which they ended. */
  durations: { file: string; seconds: number }[];
};
export type TestRequest = {
  files: readonly string[];
  concurrency: number;
  fileSeconds: number;
  signal: AbortSignal;
  /** Added to the environment, unless already set. */
  env?: Readonly<Record<string, string>>;
};

/** Output of concurrent files is shown one file at a time as they end; with a concurrency of 1 every line is live. */
export async function runTests({ files, concurrency, fileSeconds, signal, env }: TestRequest): Promise<TestCounts> {
  const counts: TestCounts = { passed: 0, failed: 0, skipped: [], failures: [], durations: [] };
  const reporter = new spec();
  const shown = reporter.pipe(process.stdout, { end: false });
  const queue = [...files];
  const takeFiles = async () => {
    for (let file = queue.shift(); file && !signal.aborted; file = queue.shift()) {
      const live = concurrency === 1;
      if (live) process.stdout.write(`-- ${relative(root, file)}\n`);
      const late: TestEvent[] = [];
      const start = performance.now();
      await runFile({
        file,
        fileSeconds,
        signal,
        env,
        counts,
        show: (event) => (live ? reporter.write(event) : late.push(event)),
      });
      counts.durations.push({ file: relative(root, file), seconds: (performance.now() - start) / 1000 });
      for (const event of late) reporter.write(event);
    }
  };

  await Promise.all(Array.from({ length: concurrency }, takeFiles));
  await new Promise((resolve) => reporter.once('end', resolve).end());
  shown.write('\n');
  return counts;
}

type Summary = Extract<TestEvent, { type: 'test:summary' }>['data'];

type FileRun = {
  file: string;
  fileSeconds: number;
  signal: AbortSignal;
  env: TestRequest['env'];
  counts: TestCounts;
  show: (event: TestEvent) => void;
};

async function runFile({ file, fileSeconds, signal, env, counts, show }: FileRun): Promise<void> {
  const id = randomUUID();
  const tooLong = AbortSignal.timeout(fileSeconds * 1000);
  const events: AsyncIterable<TestEvent> = run({
    files: [file],
    concurrency: 1,
    cwd: root,
    signal: AbortSignal.any([signal, tooLong]),
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...env, ...plainEnvironment(), [leftoverVariable]: id },
  });
  for await (const event of events) {
    if (event.type === 'test:summary') addCounts(counts, event.data);
    else if (event.type !== 'test:diagnostic' || event.data.nesting > 0) show(event);
    if (event.type === 'test:pass' && event.data.skip) counts.skipped.push(skippedTest(file, event.data));
    if (event.type === 'test:fail') counts.failures.push(...failureLines(file, event.data));
  }

  const say = (message: string) => {
    const line = `${relative(root, file)}: ${message}`;
    show({ type: 'test:stderr', data: { file, message: `${line}\n` } });
    counts.failures.push(line);
  };
  if (tooLong.aborted) say(`did not end within ${fileSeconds} s: a test hangs, or left a server, timer or child behind`);
  const left = await endLeftovers(id);
  if (left.length === 0) return;
  say(`left processes behind (ended now): ${left.join(', ')}`);
  if (!signal.aborted) counts.failed += 1;
}

function addCounts(counts: TestCounts, { file, counts: seen, success }: Summary): void {
  // There is one summary per file and one, without a file, for the run; only the latter has files that fail to load.
  if (file !== undefined) return;
  const failed = seen.tests - seen.passed - seen.skipped - seen.todo;
  counts.passed += seen.passed;
  // A hook outside all tests can fail alone.
  counts.failed += failed === 0 && !success ? 1 : failed;
}

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];

/** Empty for a suite that failed only by its tests. The full error is further up in the output, far from its end. */
function failureLines(file: string, { name, details }: Failure): string[] {
  const { cause, failureType, message } = details.error as Error & { failureType?: string };
  if (failureType === 'subtestsFailed') return [];
  const why = (cause instanceof Error ? cause.message : message).trim().split('\n').filter(Boolean).slice(0, 3).join(' ');
  return [`${relative(root, file)}: ${name}: ${why}`];
}

function skippedTest(file: string, { name, skip }: { name: string; skip?: string | boolean }): SkippedTest {
  return { file: relative(root, file), name, reason: typeof skip === 'string' ? skip : 'no reason given' };
}
