/** The thread in which targets are fuzzed, so that one that hangs or crashes can be reported and ended. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { dice, type Fixture, fuzzTargets, seedOf, type Target } from '#test/fuzz/targets.ts';
import type { FuzzFault, FuzzJob, TargetFindings } from './findings.ts';
import { createInputSlot } from './input-slot.ts';

const slot = createInputSlot(workerData as SharedArrayBuffer);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const usualSlowMs = 25;
/** Far above any reader's time per byte, far below that of a reader with quadratic run time. */
const msPerByte = 0.001;
/** A single slow run may be due to garbage collection. */
const tries = 4;
const mostFaults = 20;
const mostReasons = 500;
/** Bytes that may remain allocated after all inputs of a job. */
const mostGrowth = 48 * 1024 * 1024;
const warmUpShare = 0.3;

parentPort?.on('message', async (job: FuzzJob) => {
  const target = fuzzTargets.find(({ name }) => name === job.target);
  if (!target) throw new Error(`no target '${job.target}'`);
  parentPort?.postMessage(await runJob(target, job));
});

async function runJob(target: Target, job: FuzzJob): Promise<TargetFindings> {
  const begun = performance.now();
  const fixture = await target.open();
  const run = new JobRun(target, fixture);
  const warm = job.count * warmUpShare;
  let heapBefore: number | undefined;
  for (let at = job.from; run.inputs < job.count && run.faults.length < mostFaults; at += 1) {
    const input = job.input ? Buffer.from(job.input) : fixture.make(dice(seedOf(job.target, job.seed, at)));
    await run.feed(at, input);
    if (heapBefore === undefined && run.inputs >= warm) heapBefore = usedHeap();
    if (job.input) break;
  }
  if (!target.grows && heapBefore !== undefined && !job.input) run.judgeMemory(usedHeap() - heapBefore);
  await fixture.close?.();
  return run.findings((performance.now() - begun) / 1000);
}

class JobRun {
  readonly #target: Target;
  readonly #fixture: Fixture;
  readonly #reasons = new Set<string>();
  readonly faults: FuzzFault[] = [];
  inputs = 0;
  #read = 0;
  #rejected = 0;
  #slowestMs = 0;

  constructor(target: Target, fixture: Fixture) {
    this.#target = target;
    this.#fixture = fixture;
  }

  async feed(index: number, input: Buffer): Promise<void> {
    slot.begin(index, input);
    const limit = (this.#target.slowMs ?? usualSlowMs) + input.length * msPerByte;
    try {
      let least = Number.POSITIVE_INFINITY;
      for (let count = 0; count < tries && least > limit; count += 1) least = Math.min(least, await this.#time(input, count));
      this.#slowestMs = Math.max(this.#slowestMs, least);
      if (least > limit) throw new Error(`${least.toFixed(0)} ms for ${input.length} bytes`);
    } catch (error) {
      this.#fail(index, input, error);
    }
    slot.end();
  }

  /** @returns processor milliseconds */
  async #time(input: Buffer, count: number): Promise<number> {
    const before = process.threadCpuUsage();
    const answer = this.#fixture.feed(input);
    const verdict = answer instanceof Promise ? await answer : answer;
    const { user, system } = process.threadCpuUsage(before);
    if (count === 0) {
      const packets = verdict.packets ?? 1;
      this.inputs += packets;
      if (verdict.read) this.#read += packets;
      else this.#rejected += packets;
      if (verdict.reason !== undefined && this.#reasons.size < mostReasons) this.#reasons.add(plainReason(verdict.reason));
    }
    return (user + system) / 1000;
  }

  judgeMemory(growth: number): void {
    if (growth > mostGrowth) this.#fail(-1, Buffer.alloc(0), new Error(`${Math.round(growth / 2 ** 20)} MiB were kept`));
  }

  #fail(index: number, input: Buffer, error: unknown): void {
    this.inputs += 1;
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.faults.push({ target: this.#target.name, index, hex: input.toString('hex'), problem: problem.slice(0, 2_000) });
  }

  findings(seconds: number): TargetFindings {
    const { inputs, faults } = this;
    const [read, rejected, slowestMs] = [this.#read, this.#rejected, this.#slowestMs];
    return { target: this.#target.name, inputs, read, rejected, reasons: [...this.#reasons], slowestMs, seconds, faults };
  }
}

function plainReason(reason: string): string {
  return reason
    .slice(0, 300)
    .replace(/'[^']*'|"[^"]*"/g, '…')
    .replace(/[0-9a-f]*\d[0-9a-f]*h?/gi, 'N')
    .replace(/[^\x20-\x7e…]+/g, '?')
    .slice(0, 56);
}

function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
