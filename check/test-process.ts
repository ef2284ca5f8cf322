/** A process that runs test files one after another, and what it tells about them. */
import { randomUUID } from 'node:crypto';
import { relative } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { plainEnvironment } from './environment.ts';
import { endLeftovers, leftoverVariable } from './leftovers.ts';
import { root } from './sources.ts';
import type { SkippedTest, TestCounts, TestRequest } from './test-counts.ts';
import { endOfFile, markOf } from './test-marks.ts';

const program = `${root}/check/run-files.ts`;

type Request = Pick<TestRequest, 'files' | 'fileSeconds' | 'signal' | 'env'> & {
  counts: TestCounts;
  show: (event: TestEvent) => void;
  /** Whether events are shown as they come; otherwise a file's are shown together. */
  live: boolean;
};
type Result = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>;
type Failure = Extract<TestEvent, { type: 'test:fail' }>['data'];

export class TestProcess {
  readonly #request: Request;
  readonly #id = randomUUID();
  readonly #leftovers: Promise<void>[] = [];
  #held: TestEvent[] = [];
  /** How many files have ended, and of how many all results are known: those are told in order, thus later. */
  #ended = 0;
  #told = 0;
  #since = performance.now();
  /** Of the file whose results are coming in. */
  #failed = 0;
  #brokenSuites = 0;
  #exit: string | undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  /** @returns the files that are left to another process, because this one did not get beyond one before them */
  async run(): Promise<readonly string[]> {
    const { files, fileSeconds, signal, env, counts } = this.#request;
    const tooLong = new AbortController();
    const limit = setTimeout(() => tooLong.abort(), fileSeconds * 1000);
    const events: AsyncIterable<TestEvent> = run({
      files: [program],
      argv: [this.#id, ...files],
      concurrency: 1,
      cwd: root,
      signal: AbortSignal.any([signal, tooLong.signal]),
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...env, ...plainEnvironment(), [leftoverVariable]: this.#id },
    });
    for await (const event of events) {
      // A process that is told to end cancels the test that it is at.
      if (tooLong.signal.aborted && isEndOfFile(event)) continue;
      // Told at once, unlike what passes and fails.
      if (event.type === 'test:complete' && isEndOfFile(event)) {
        limit.refresh();
        this.#endFile();
      }
      this.#take(event);
    }
    clearTimeout(limit);

    const isCut = this.#ended < files.length;
    const others = isCut ? [] : files.slice(0, -1).map((file) => nameOf(file));
    const why = tooLong.signal.aborted
      ? `did not end within ${fileSeconds} s: a test hangs, or left a server, timer or child behind`
      : `its process ended: ${this.#exit ?? 'a test ended it'}`;
    if (isCut) this.#endFile();
    if (isCut || this.#exit !== undefined || tooLong.signal.aborted) {
      const inProcess = others.length > 0 ? `; or in the same process: ${others.join(', ')}` : '';
      this.#say(this.#ended - 1, `${why}${inProcess}`);
      if (!signal.aborted) counts.failed += 1;
    }
    await Promise.all([...this.#leftovers, endLeftovers(this.#id)]);
    this.#flush();
    return files.slice(this.#ended);
  }

  #endFile(): void {
    const { files, counts, signal } = this.#request;
    const index = this.#ended;
    this.#ended += 1;
    const now = performance.now();
    counts.durations.push({ file: nameOf(files[index]), seconds: (now - this.#since) / 1000 });
    this.#since = now;
    const checked = endLeftovers(markOf(this.#id, index)).then((left) => {
      if (left.length === 0) return;
      this.#say(index, `left processes behind (ended now): ${left.join(', ')}`);
      if (!signal.aborted) counts.failed += 1;
    });
    this.#leftovers.push(checked);
  }

  #take(event: TestEvent): void {
    if (event.type === 'test:summary' || (event.type === 'test:diagnostic' && event.data.nesting === 0)) return;
    if (event.type === 'test:fail' && event.data.name === program) this.#exit = causeOf(event.data);
    else if (isEndOfFile(event)) this.#takeEnd(event);
    else {
      this.#held.push(event);
      if (event.type === 'test:pass' || event.type === 'test:fail') this.#count(event);
    }
    if (this.#request.live) this.#flush();
  }

  /** The last test of a file is not one of its own. */
  #takeEnd(event: TestEvent): void {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') return;
    const { counts } = this.#request;
    if (event.type === 'test:fail') {
      this.#say(this.#told, causeOf(event.data));
      this.#failed += 1;
      counts.failed += 1;
    }
    // A hook outside all tests, or the loading of the file, can fail alone.
    if (this.#failed === 0 && this.#brokenSuites > 0) counts.failed += 1;
    this.#failed = 0;
    this.#brokenSuites = 0;
    this.#told += 1;
    this.#flush();
  }

  #count({ type, data }: Result): void {
    const { counts, files } = this.#request;
    const file = nameOf(files[this.#told]);
    if (type === 'test:fail') counts.failures.push(...failureLines(file, data));
    else if (data.skip) counts.skipped.push(skippedTest(file, data));
    if (data.details.type === 'suite') this.#brokenSuites += type === 'test:fail' && !isByTests(data) ? 1 : 0;
    else if (data.skip || data.todo) return;
    else if (type === 'test:pass') counts.passed += 1;
    else {
      counts.failed += 1;
      this.#failed += 1;
    }
  }

  #say(index: number, message: string): void {
    const { files, counts } = this.#request;
    const file = files[index] ?? program;
    const line = `${nameOf(file)}: ${message}`;
    this.#held.push({ type: 'test:stderr', data: { file, message: `${line}\n` } });
    counts.failures.push(line);
  }

  #flush(): void {
    for (const event of this.#held) this.#request.show(event);
    this.#held = [];
  }
}

function isEndOfFile({ data }: TestEvent): boolean {
  return data !== undefined && 'name' in data && data.name === endOfFile && 'nesting' in data && data.nesting === 0;
}

function nameOf(file = program): string {
  return relative(root, file);
}

/** Empty for a suite that failed only by its tests. The full error is further up in the output, far from its end. */
function failureLines(file: string, failure: Failure): string[] {
  if (isByTests(failure)) return [];
  return [`${file}: ${failure.name === file ? 'the file' : failure.name}: ${causeOf(failure)}`];
}

function isByTests({ details }: Result['data']): boolean {
  return (details as { error?: { failureType?: string } }).error?.failureType === 'subtestsFailed';
}

function causeOf({ details }: Failure): string {
  const { cause, message } = details.error;
  return (cause instanceof Error ? cause.message : message).trim().split('\n').filter(Boolean).slice(0, 3).join(' ');
}

function skippedTest(file: string, { name, skip }: { name: string; skip?: string | boolean }): SkippedTest {
  return { file, name, reason: typeof skip === 'string' ? skip : 'no reason given' };
}
