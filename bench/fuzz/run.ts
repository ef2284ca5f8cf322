/**
 * Distributes the inputs over two threads and watches them: a thread that hangs is ended, and its input is reported.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { fuzzTargets } from '#test/fuzz/targets.ts';
import { addFindings, emptyFindings, type FuzzFault, type FuzzJob, type TargetFindings } from './findings.ts';
import { createInputSlot, type InputSlot } from './input-slot.ts';

export type FuzzOptions = {
  readonly count: number;
  readonly seed: number;
  /** One target; absent = all. */
  readonly only?: string | undefined;
  /** One given input for it. */
  readonly input?: Buffer | undefined;
  readonly threads?: number;
  readonly announce?: (line: string) => void;
};

export type FuzzFindings = {
  readonly seed: number;
  readonly seconds: number;
  readonly targets: readonly TargetFindings[];
};

const usualThreads = 2;
/** Inputs per job; a target with more is split. */
const jobInputs = 25_000;
/** Milliseconds. */
const hangMs = 20_000;
const watchMs = 500;
const workerFile = fileURLToPath(new URL('fuzz-worker.ts', import.meta.url));
/** A reader that needs more than this for one input is defective. */
const resourceLimits = { maxOldGenerationSizeMb: 1024 };

export async function fuzz(options: FuzzOptions): Promise<FuzzFindings> {
  const begun = performance.now();
  const jobs = planJobs(options);
  const byTarget = new Map(jobs.map(({ target }) => [target, emptyFindings(target)]));
  const work = async () => {
    let thread: Thread | undefined;
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      thread ??= new Thread();
      const { findings, isDead } = await thread.run(job);
      if (isDead) thread = undefined;
      byTarget.set(job.target, addFindings(byTarget.get(job.target) ?? emptyFindings(job.target), findings));
      options.announce?.(`${job.target}: ${findings.inputs} inputs in ${findings.seconds.toFixed(1)} s`);
    }
    await thread?.end();
  };
  await Promise.all(Array.from({ length: options.threads ?? usualThreads }, work));
  const order = new Map(fuzzTargets.map(({ name }, at) => [name, at]));
  const targets = [...byTarget.values()].sort((one, other) => (order.get(one.target) ?? 0) - (order.get(other.target) ?? 0));
  return { seed: options.seed, seconds: (performance.now() - begun) / 1000, targets };
}

/** Longest first, so that the threads finish together. */
function planJobs({ count, seed, only, input }: FuzzOptions): FuzzJob[] {
  const chosen = only === undefined ? fuzzTargets : fuzzTargets.filter(({ name }) => name === only);
  if (chosen.length === 0) throw new Error(`no target '${only}'; there are: ${fuzzTargets.map(({ name }) => name).join(', ')}`);
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  return chosen.flatMap(({ name: target, share }): FuzzJob[] => {
    if (input) return [{ target, seed, from: 0, count: 1, input }];
    const inputs = Math.max(1, Math.ceil((count * share) / shares));
    const froms = Array.from({ length: Math.ceil(inputs / jobInputs) }, (_, at) => at * jobInputs);
    return froms.map((from) => ({ target, seed, from, count: Math.min(jobInputs, inputs - from) }));
  });
}

type Ended = { readonly findings: TargetFindings; readonly isDead: boolean };

class Thread {
  readonly #slot: InputSlot = createInputSlot();
  readonly #worker = new Worker(workerFile, { workerData: this.#slot.memory, resourceLimits });

  async run(job: FuzzJob): Promise<Ended> {
    const begun = performance.now();
    const { promise, resolve } = Promise.withResolvers<Ended>();
    const fail = (problem: string) => {
      void this.#worker.terminate();
      const seconds = (performance.now() - begun) / 1000;
      const fault: FuzzFault = { target: job.target, problem, ...this.#slot.last() };
      resolve({ isDead: true, findings: { ...emptyFindings(job.target), inputs: 1, seconds, faults: [fault] } });
    };
    const watch = setInterval(() => {
      const elapsed = this.#slot.elapsed() ?? 0;
      if (elapsed > hangMs) fail(`it has not ended after ${Math.round(elapsed / 1000)} s`);
    }, watchMs);
    const died = (error: unknown) => fail(`the thread died: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    const heard = (findings: TargetFindings) => resolve({ findings, isDead: false });
    this.#worker.once('message', heard).once('error', died);
    this.#worker.postMessage(job);
    return await promise.finally(() => {
      clearInterval(watch);
      this.#worker.off('message', heard).off('error', died);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
