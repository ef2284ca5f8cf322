import { raceAbort } from './abort.ts';

type Run = { readonly work: Promise<unknown>; readonly stop: AbortController; callers: number };

/**
 * Callers with the same key share one run and its result or error. A caller whose signal is aborted leaves; the run is aborted
 * when the last one has left. Once it has ended, the next call runs again.
 */
export class SharedWork {
  readonly #runs = new Map<string, Run>();

  /** All calls with one key must return the same type. */
  async run<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const run = this.#runs.get(key) ?? this.#start(key, work);
    run.callers += 1;
    try {
      return await raceAbort(run.work as Promise<T>, signal);
    } finally {
      run.callers -= 1;
      if (run.callers === 0) this.#abandon(key, run, signal);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<unknown>): Run {
    const stop = new AbortController();
    const run: Run = { work: work(stop.signal), stop, callers: 0 };
    this.#runs.set(key, run);
    const end = () => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    };
    run.work.then(end, end);
    return run;
  }

  /** A caller that comes now must not get what is being aborted. */
  #abandon(key: string, run: Run, signal: AbortSignal): void {
    if (this.#runs.get(key) === run) this.#runs.delete(key);
    run.stop.abort(signal.reason);
  }
}
