import { raceAbort } from './abort.ts';
import { KeyedMutex } from './keyed-mutex.ts';

type Batch<I, A> = { readonly items: Set<I>; readonly answer: Promise<A> };

export type BatchRead<I, A> = {
  readonly peer: string;
  /** Key of peer and credentials: only callers with the same credentials share a response. */
  readonly account: string;
  /** Must have its own timeout, since several callers share it. */
  read(items: readonly I[]): Promise<A>;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Serialises requests to each peer that many share (a PDU has few sockets and a slow processor), and batches
 * simultaneous reads of the same peer into one request.
 */
export class PeerQueue<I, A> {
  readonly #mutex = new KeyedMutex();
  readonly #waiting = new Map<string, Batch<I, A>>();

  /** Runs `work` after all earlier work on this peer. A queued caller that aborts does not delay the others. */
  run<T>(peer: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#mutex.run(peer, work, signal);
  }

  /**
   * Joins the queued batch, or starts one. A batch that was already sent is not joined: its response may predate a
   * command that the caller has just sent.
   */
  async readTogether(item: I, question: BatchRead<I, A>): Promise<A> {
    const batch = this.#waiting.get(question.account) ?? this.#begin(question);
    batch.items.add(item);
    return await raceAbort(batch.answer, question.signal);
  }

  #begin({ peer, account, read }: BatchRead<I, A>): Batch<I, A> {
    const items = new Set<I>();
    const ask = async () => {
      // Callers in the same turn of the event loop join the batch.
      await new Promise((resolve) => setImmediate(resolve));
      this.#waiting.delete(account);
      return await read([...items]);
    };
    const batch = { items, answer: this.run(peer, ask) };
    this.#waiting.set(account, batch);
    // All callers may have aborted: nobody handles a rejection then.
    batch.answer.catch(() => {});
    return batch;
  }
}
