import { SerialQueue } from './serial-queue.ts';

/** Runs one task at a time for each key, in order of arrival; tasks of different keys run concurrently. */
export class KeyedMutex {
  readonly #queues = new Map<string, SerialQueue>();

  /** A task whose signal is aborted before it starts is not run, and does not delay the others. */
  async run<R>(key: string, task: () => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    const queue = this.#queues.get(key) ?? new SerialQueue();
    this.#queues.set(key, queue);
    try {
      return await queue.run(task, signal);
    } finally {
      if (queue.isIdle && this.#queues.get(key) === queue) this.#queues.delete(key);
    }
  }

  /** Keys with a running task. */
  get size(): number {
    return this.#queues.size;
  }
}
