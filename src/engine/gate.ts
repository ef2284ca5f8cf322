/** A semaphore: limits concurrent tasks; the others queue. */
export class Gate {
  #free: number;
  readonly #line = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** An aborted waiter leaves the queue and rejects with the signal's reason. */
  async run<R>(work: () => Promise<R>, signal: AbortSignal): Promise<R> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      this.#line.delete(resolve);
      reject(signal.reason);
    };
    this.#line.add(resolve);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #leave(): void {
    const [first] = this.#line;
    if (!first) {
      this.#free += 1;
      return;
    }
    this.#line.delete(first);
    first();
  }
}
