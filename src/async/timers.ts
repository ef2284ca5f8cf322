export type PauseOptions = {
  /** False: the pause alone does not keep the process running. */
  readonly ref?: boolean;
};

/** Resolves after `ms` milliseconds. Rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal?: AbortSignal, { ref = true }: PauseOptions = {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) {
    reject(signal.reason);
    return promise;
  }
  const abort = () => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', abort);
    resolve();
  }, ms);
  if (!ref) timer.unref();
  signal?.addEventListener('abort', abort, { once: true });
  return promise;
}

/** Maximum of `setTimeout`; a longer timeout fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** A timer for one pending call, without an upper limit. */
export class LongTimer {
  #timer: NodeJS.Timeout | undefined;

  /** Replaces the pending call. */
  set(ms: number, call: () => void): void {
    this.clear();
    const rest = ms - longestTimerMs;
    this.#timer = setTimeout(() => (rest > 0 ? this.set(rest, call) : call()), Math.min(Math.max(ms, 0), longestTimerMs));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
