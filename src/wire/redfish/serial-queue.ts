/** Runs tasks for one service sequentially. A queued caller that aborts does not delay the others. */
export type SerialQueue = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

export function createSerialQueue(): SerialQueue {
  let tail: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>, signal?: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = () => reject(signal?.reason);
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    const turn = async () => {
      signal?.removeEventListener('abort', giveUp);
      if (signal?.aborted) return;
      await work().then(resolve, reject);
    };
    tail = tail.then(turn);
    return promise;
  };
}
