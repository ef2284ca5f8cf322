import { Semaphore } from './semaphore.ts';

/**
 * Callers with the same key share one run and its result or error. Once it has ended, the next call runs again. The
 * number of concurrent runs of different keys can be limited.
 */
export class SingleFlight {
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #slots: Semaphore;

  constructor(concurrency = Number.POSITIVE_INFINITY) {
    this.#slots = new Semaphore(concurrency);
  }

  /** All calls with one key must return the same type. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key) as Promise<T> | undefined;
    if (running) return running;
    const started = this.#slots.run(work).finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
