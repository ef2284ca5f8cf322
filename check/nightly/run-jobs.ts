/** Runs jobs sequentially, each as a process group of its own that is ended at its timeout. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { plainEnvironment } from '../environment.ts';
import { root } from '../sources.ts';
import type { Job, Need } from './jobs.ts';

export type JobOutcome = {
  readonly name: string;
  readonly seconds: number;
  readonly problem: string | undefined;
  /** Why it was not run. */
  readonly skipped?: string;
  /** What it skipped itself, as its output says. */
  readonly left?: readonly string[];
};

type Place = { readonly folder: string; readonly shown: NodeJS.WritableStream };

const logs = join(root, '.cache/nightly');
/** Grace period for an orderly end: machines and namespaces are taken down. */
const graceMs = 30_000;

/** @param place folder for the logs of the jobs, and stream for their output */
export async function runJobs(jobs: readonly Job[], stop: AbortSignal, place: Partial<Place> = {}): Promise<JobOutcome[]> {
  const { folder = logs, shown = process.stdout } = place;
  mkdirSync(folder, { recursive: true });
  const outcomes: JobOutcome[] = [];
  for (const job of jobs) {
    if (stop.aborted) break;
    shown.write(`\n== ${job.name}: ${job.what}\n`);
    const lack = lackOf(job);
    if (lack !== undefined) {
      shown.write(`skipped: ${lack}\n`);
      outcomes.push({ name: job.name, seconds: 0, problem: undefined, skipped: lack });
      continue;
    }
    const begun = performance.now();
    const problem = await runJob(job, stop, { folder, shown });
    const left = skippedIn(join(folder, `${job.name}.log`));
    outcomes.push({ name: job.name, seconds: (performance.now() - begun) / 1000, problem, left });
  }
  return outcomes;
}

/** What this machine lacks for a job, if anything. */
function lackOf({ needs = [] }: Job): string | undefined {
  return needs.map(lackFor).find((lack) => lack !== undefined);
}

function lackFor(need: Need): string | undefined {
  if (need === 'root') return process.getuid?.() === 0 ? undefined : 'it needs root';
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, need.program)))
    ? undefined
    : `the program ${need.program} is missing; bin/setup installs it`;
}

/** The lines of `bin/check`'s summary, and of others that say it in this way. */
function skippedIn(log: string): string[] {
  return [...readFileSync(log, 'utf8').matchAll(/^skipped: (.+)$/gm)].map(([, text = '']) => text);
}

/** @returns the error, if any */
async function runJob(
  { name, command, env, minutes }: Job,
  stop: AbortSignal,
  { folder, shown }: Place,
): Promise<string | undefined> {
  const [program = '', ...args] = command;
  const log = createWriteStream(join(folder, `${name}.log`));
  const child = spawn(program, args, {
    cwd: root,
    env: { ...plainEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  for (const output of [child.stdout, child.stderr]) {
    output.pipe(log, { end: false });
    output.pipe(shown, { end: false });
  }
  const tooLong = AbortSignal.timeout(minutes * 60_000);
  const late = AbortSignal.any([stop, tooLong]);
  late.addEventListener('abort', () => void endGroup(child), { once: true });
  try {
    const [code, endedBy] = await once(child, 'close');
    if (stop.aborted) return 'interrupted';
    if (tooLong.aborted) return `had not ended after ${minutes} minutes`;
    return code === 0 ? undefined : `ended with ${code ?? endedBy}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await new Promise((written) => log.end(written));
  }
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  await once(child, 'close').catch(() => {});
  clearTimeout(timer);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // The whole process group has exited.
  }
}

/** @param unwanted jobs of the table that were not asked for */
export function printSummary(outcomes: readonly JobOutcome[], unwanted: readonly string[] = []): void {
  const lines = outcomes.map(({ name, seconds, problem, skipped }) => {
    const time = `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
    if (skipped !== undefined) return `skipped ${name}  ${skipped}`;
    return `${problem ? 'FAILED' : 'ok    '}  ${name} (${time})${problem ? `  ${problem}` : ''}`;
  });
  const left = outcomes.flatMap(({ name, left = [] }) => left.map((text) => `skipped in ${name}: ${text}`));
  const others = unwanted.map((name) => `skipped ${name}  not asked for`);
  const failed = outcomes.filter(({ problem }) => problem !== undefined).length;
  const skipped = outcomes.filter((outcome) => outcome.skipped !== undefined).length;
  const counts = `${outcomes.length - failed - skipped} passed, ${failed} failed, ${skipped + unwanted.length} skipped`;
  process.stdout.write(`\n== nightly\n${[...lines, ...others, ...left, counts].join('\n')}\n`);
}
