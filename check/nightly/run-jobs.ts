/** Runs jobs sequentially, each as a process group of its own that is ended at its timeout. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment } from '../environment.ts';
import { root } from '../sources.ts';
import type { Job } from './jobs.ts';

export type JobOutcome = { readonly name: string; readonly seconds: number; readonly problem: string | undefined };

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
    const begun = performance.now();
    const problem = await runJob(job, stop, { folder, shown });
    outcomes.push({ name: job.name, seconds: (performance.now() - begun) / 1000, problem });
  }
  return outcomes;
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

export function printSummary(outcomes: readonly JobOutcome[]): void {
  const lines = outcomes.map(({ name, seconds, problem }) => {
    const time = `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
    return `${problem ? 'FAILED' : 'ok    '}  ${name} (${time})${problem ? `  ${problem}` : ''}`;
  });
  const failed = outcomes.filter(({ problem }) => problem !== undefined).length;
  process.stdout.write(`\n== nightly\n${lines.join('\n')}\n${outcomes.length - failed} passed, ${failed} failed\n`);
}
