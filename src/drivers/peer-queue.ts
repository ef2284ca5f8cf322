type Batch<I, A> = { readonly items: Set<I>; readonly answer: Promise<A> };

export type BatchRead<I, A> = {
  readonly peer: string;
  /** The peer, as whom it is asked: only nodes of the same account share an answer. */
  readonly account: string;
  /** Bounds its own time, since it belongs to several. */
  read(items: readonly I[]): Promise<A>;
  readonly signal?: AbortSignal | undefined;
};

/**
 * One conversation at a time with each peer that many nodes share (a PDU has few sockets and one small processor), and one
 * question for all who ask the same peer in the same moment.
 */
export class PeerQueue<I, A> {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Batch<I, A>>();

  /** Runs `work` when all that was asked of this peer before is over. Who gives up while waiting holds up nobody. */
  async take<T>(peer: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#tails.get(peer) ?? Promise.resolve();
    const { promise: mine, resolve: leave } = Promise.withResolvers<void>();
    const tail = before.then(() => mine);
    this.#tails.set(peer, tail);
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      leave();
      if (this.#tails.get(peer) === tail) this.#tails.delete(peer);
    }
  }

  /**
   * Joins the question that waits for its turn, or begins one. A question that has been sent is not joined: its answer may be
   * older than what the one who joins has just done.
   */
  async gather(item: I, question: BatchRead<I, A>): Promise<A> {
    const batch = this.#waiting.get(question.account) ?? this.#begin(question);
    batch.items.add(item);
    return await orAborted(batch.answer, question.signal);
  }

  #begin({ peer, account, read }: BatchRead<I, A>): Batch<I, A> {
    const items = new Set<I>();
    const ask = async () => {
      // All who ask in this turn of the event loop are in time.
      await new Promise((resolve) => setImmediate(resolve));
      this.#waiting.delete(account);
      return await read([...items]);
    };
    const batch = { items, answer: this.take(peer, ask) };
    this.#waiting.set(account, batch);
    // Everybody may have given up: then nobody is there for a failure.
    batch.answer.catch(() => {});
    return batch;
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: either, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  return either;
}
