import type { Budget } from './timings.ts';

type Job = {
  readonly work: () => Promise<unknown>;
  readonly name: string;
  readonly budget: Budget;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  timer?: NodeJS.Timeout;
};

export type JobOptions = {
  readonly budget: Budget;
  readonly name: string;
  /** Error for a caller whose deadline passes while it is still queued. Absent = it waits without limit. */
  readonly overdue?: () => Error;
};

/** Runs one job at a time. A caller that aborts while it is queued is rejected immediately. */
export class WorkQueue {
  #waiting: Job[] | undefined;
  #running: Job | undefined;

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  add<T>(work: () => Promise<T>, { budget, name, overdue }: JobOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const job: Job = { work, name, budget, resolve, reject };
      if (!this.#running) return this.#start(job);
      this.#waiting ??= [];
      this.#waiting.push(job);
      budget.onEnd = () => this.#drop(job, budget.reason);
      if (overdue) job.timer = setTimeout(() => this.#drop(job, overdue()), budget.left);
    });
  }

  /** Ends all running and queued jobs; jobs added later run after them. */
  end(reason: (name: string) => Error): void {
    const ended = this.#waiting?.splice(0) ?? [];
    for (const job of ended) {
      clearTimeout(job.timer);
      job.reject(reason(job.name));
    }
    this.#running?.budget.end(reason(this.#running.name));
  }

  #drop(job: Job, reason: unknown): void {
    clearTimeout(job.timer);
    const at = this.#waiting?.indexOf(job) ?? -1;
    if (at < 0) return;
    this.#waiting?.splice(at, 1);
    job.reject(reason);
  }

  #start(job: Job): void {
    clearTimeout(job.timer);
    job.budget.onEnd = undefined;
    this.#running = job;
    job.work().then(
      (value) => this.#next(() => job.resolve(value as never)),
      (error) => this.#next(() => job.reject(error)),
    );
  }

  #next(settle: () => void): void {
    this.#running = undefined;
    const next = this.#waiting?.shift();
    if (next) this.#start(next);
    else this.#waiting = undefined;
    settle();
  }
}
