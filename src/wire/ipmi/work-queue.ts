import { SerialQueue } from '#async/serial-queue.ts';
import type { Budget } from './timings.ts';

export type JobOptions = {
  readonly budget: Budget;
  readonly name: string;
  /** Error for a caller whose deadline passes while it is still queued. Absent = it waits without limit. */
  readonly overdue?: () => Error;
};

type Waiting = { readonly name: string; leave(reason: unknown): void };

/** A serial queue whose jobs have budgets: a job leaves the queue when its budget ends or is used up. */
export class WorkQueue {
  readonly #queue = new SerialQueue();
  /** Made when it is first needed: there is one queue for each BMC. */
  #waiting: Set<Waiting> | undefined;
  #running: JobOptions | undefined;

  get isBusy(): boolean {
    return !this.#queue.isIdle;
  }

  add<T>(work: () => Promise<T>, options: JobOptions): Promise<T> {
    const run = () => this.#run(work, options);
    return this.isBusy ? this.#wait(run, options) : this.#queue.run(run);
  }

  /** Ends all running and queued jobs; jobs added later run after them. */
  end(reason: (name: string) => Error): void {
    for (const { name, leave } of this.#waiting ?? []) leave(reason(name));
    this.#running?.budget.end(reason(this.#running.name));
  }

  #wait<T>(run: () => Promise<T>, { budget, name, overdue }: JobOptions): Promise<T> {
    const left = new AbortController();
    const entered = () => {
      clearTimeout(timer);
      budget.onEnd = undefined;
      this.#waiting?.delete(waiting);
    };
    const leave = (reason: unknown) => {
      entered();
      left.abort(reason);
    };
    const waiting = { name, leave };
    budget.onEnd = () => leave(budget.reason);
    const timer = overdue && setTimeout(() => leave(overdue()), budget.left);
    this.#waiting ??= new Set();
    this.#waiting.add(waiting);
    const start = () => {
      entered();
      return run();
    };
    return this.#queue.run(start, left.signal);
  }

  async #run<T>(work: () => Promise<T>, options: JobOptions): Promise<T> {
    this.#running = options;
    try {
      return await work();
    } finally {
      this.#running = undefined;
    }
  }
}
