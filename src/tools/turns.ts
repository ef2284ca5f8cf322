/** A semaphore: limits concurrent tasks; the others wait in FIFO order. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Rejects with the signal's reason if aborted while waiting. */
  async take<R>(work: () => Promise<R>, signal: AbortSignal): Promise<R> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      this.#waiting.delete(go);
      signal.removeEventListener('abort', abort);
    };
    const go = () => {
      leave();
      resolve();
    };
    const abort = () => {
      leave();
      reject(signal.reason);
    };
    this.#waiting.add(go);
    signal.addEventListener('abort', abort, { once: true });
    return promise;
  }
}
