/**
 * For work that ignores its signal or reacts late: rejects with the signal's reason as soon as it is aborted. The work
 * continues; its result, or its error, is dropped.
 */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  return promise;
}

/**
 * A signal that is aborted together with another one, until it is released, or by `abort`. For short work, in place of
 * `AbortSignal.any`, whose signals live until the next full garbage collection, with all that their listeners refer to.
 */
export function endWith(other: AbortSignal): { signal: AbortSignal; abort(reason?: unknown): void; release(): void } {
  const controller = new AbortController();
  const follow = () => controller.abort(other.reason);
  if (other.aborted) follow();
  else other.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => other.removeEventListener('abort', follow),
  };
}
