/**
 * Runs test files one after another in this process: most of them load the same two thousand modules. Each file is a
 * suite, so that its hooks run for its tests alone; a test after it waits until no server or child of it
 * is left.
 * Arguments: the mark of the run, and the files.
 */
import { relative } from 'node:path';
import { mock, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { leftoverVariable } from './leftovers.ts';
import { root } from './sources.ts';
import { endOfFile, markOf } from './test-marks.ts';

const [run = '', ...files] = process.argv.slice(2);

const open = countOpen();

for (const [index, path] of files.entries()) {
  process.argv[1] = path;
  process.env[leftoverVariable] = markOf(run, index);
  const found = processState();
  // What a test waits for may be up to a timer that by itself keeps no process running.
  const running = setInterval(() => {}, 60_000);
  suite(relative(root, path), async () => {
    await import(pathToFileURL(path).href);
  });
  await test(endOfFile, async () => {
    mock.reset();
    clearInterval(running);
    // What the file has just begun to open is open after a turn of the event loop.
    do await pause(5);
    while (isMoreOpen());
    const changed = changes(found, processState());
    if (changed.length > 0) throw new Error(`changed what the process has for all files: ${changed.join(', ')}`);
  });
  // The results go out now: a file that ends the process would keep them back, and those before it would be blamed.
  await pause(10);
}

/**
 * How many servers and children keep this process from ending. Sockets and timers cannot be told: Node.js also counts
 * sockets that nobody reads, and some cleared timers. Those that are left keep the process from ending after its last file.
 */
function countOpen(): Map<string, number> {
  const open = process.getActiveResourcesInfo().filter((kind) => /ServerWrap$|^ProcessWrap$/.test(kind));
  const kinds = Map.groupBy(open, (kind) => kind);
  return new Map([...kinds].map(([kind, all]) => [kind, all.length]));
}

function isMoreOpen(): boolean {
  return [...countOpen()].some(([kind, count]) => count > (open.get(kind) ?? 0));
}

function processState(): Record<string, string | undefined> {
  return { ...process.env, 'the current folder': process.cwd() };
}

function changes(before: Record<string, string | undefined>, now: Record<string, string | undefined>): string[] {
  return Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name]);
}
