/** Runs test files, several in each process, and counts the results. */
import { relative } from 'node:path';
import { spec, type TestEvent } from 'node:test/reporters';
import { root } from './sources.ts';
import type { TestCounts, TestRequest } from './test-counts.ts';
import { groupFiles } from './test-groups.ts';
import { TestProcess } from './test-process.ts';

/** Output of concurrent files is shown one file at a time as they end; with a concurrency of 1 every line is live. */
export async function runTests({ files, concurrency, together, ...request }: TestRequest): Promise<TestCounts> {
  const counts: TestCounts = { passed: 0, failed: 0, skipped: [], failures: [], durations: [] };
  const reporter = new spec();
  const shown = reporter.pipe(process.stdout, { end: false });
  const queue: (readonly string[])[] = together ? groupFiles(files, concurrency) : files.map((file) => [file]);
  const live = concurrency === 1;
  const show = (event: TestEvent) => void reporter.write(event);
  const takeGroups = async () => {
    for (let group = queue.shift(); group && !request.signal.aborted; group = queue.shift()) {
      if (live) process.stdout.write(`-- ${group.map((file) => relative(root, file)).join(', ')}\n`);
      const rest = await new TestProcess({ ...request, files: group, counts, show, live }).run();
      if (rest.length > 0) queue.unshift(rest);
    }
  };

  await Promise.all(Array.from({ length: concurrency }, takeGroups));
  await new Promise((resolve) => reporter.once('end', resolve).end());
  shown.write('\n');
  return counts;
}
