/** Limits concurrent tasks. Further tasks wait in order of arrival; a free slot goes to the first of them. */
export class Semaphore {
  readonly #slots: number;
  #free: number;
  /** Made when it is first needed: there may be one semaphore for each of ten thousand peers. */
  #waiting: Set<() => void> | undefined;

  constructor(slots: number) {
    this.#slots = slots;
    this.#free = slots;
  }

  /** Whether no task runs or waits. */
  get isIdle(): boolean {
    return this.#free === this.#slots;
  }

  /**
   * Starts the task at once if a slot is free. A task whose signal is aborted before it starts is not run: it leaves
   * the queue, and the caller gets the signal's reason. A task that runs is not interrupted.
   */
  async run<R>(task: () => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      // It may have been aborted between the grant of the slot and now.
      signal?.throwIfAborted();
      return await task();
    } finally {
      this.#release();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting ?? new Set();
    this.#waiting = waiting;
    const leave = () => {
      waiting.delete(enter);
      signal?.removeEventListener('abort', abort);
    };
    const enter = () => {
      leave();
      resolve();
    };
    const abort = () => {
      leave();
      reject(signal?.reason);
    };
    waiting.add(enter);
    signal?.addEventListener('abort', abort, { once: true });
    return promise;
  }

  /** The slot is handed over, so that no newcomer can take it before the first in the queue. */
  #release(): void {
    const [first] = this.#waiting ?? [];
    if (first) {
      first();
      return;
    }
    this.#free += 1;
    this.#waiting = undefined;
  }
}
