/**
 * A fair queue for hashing secrets. Hashing is slow on purpose, so a client with many requests could block all others:
 * addresses take turns, and so do users at known addresses and at unknown ones.
 */
import { Fault } from '#domain/faults.ts';

/** At most two at once: the same thread pool serves all file access. */
const hashesAtOnce = 2;
/** Some seconds of work: a later request would time out before its turn. */
const maxWaitingEach = 200;
const maxWaiting = 1000;

export type HashJob<T> = {
  /** The address in whose turn it runs. */
  readonly address: string;
  readonly isKnown: boolean;
  /** Called right before the start: false = retry when a running job has ended. An exception ends the job. */
  readonly admit?: () => boolean;
  /** Whether the client has disconnected. */
  readonly isAborted?: () => boolean;
  work(): Promise<T>;
};

type Waiting = { readonly job: HashJob<unknown>; start(): Promise<void>; refuse(error: Error): void };
type Class = Map<string, Waiting[]>;

export class HashQueue {
  readonly #known: Class = new Map();
  readonly #unknown: Class = new Map();
  readonly #maxRunning: number;
  #isUnknownTurn = false;
  #waiting = 0;
  #running = 0;

  constructor(maxRunning = hashesAtOnce) {
    this.#maxRunning = maxRunning;
  }

  /** @throws Fault `tooManyRequests` if the queue is full */
  run<T>(job: HashJob<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const start = () => job.work().then(resolve, reject);
      this.#enqueue({ job, start, refuse: reject });
      this.#startNext();
    });
  }

  #enqueue(newcomer: Waiting): void {
    const { address, isKnown } = newcomer.job;
    const own = isKnown ? this.#known : this.#unknown;
    const queue = own.get(address) ?? [];
    const isRefused = queue.length >= maxWaitingEach || (this.#waiting >= maxWaiting && !this.#makeRoom(newcomer, queue.length));
    if (isRefused) {
      newcomer.refuse(tooMany());
      return;
    }
    own.set(address, [...queue, newcomer]);
    this.#waiting += 1;
  }

  /** Evicts the newest job of the address with the longest queue, unknown addresses first. */
  #makeRoom({ job }: Waiting, ownLength: number): boolean {
    const hasUnknown = this.#unknown.size > 0;
    const from = hasUnknown ? this.#unknown : this.#known;
    const [address, queue = []] = [...from].reduce((longest, each) => (each[1].length > longest[1].length ? each : longest));
    const isFair = (hasUnknown && job.isKnown) || (hasUnknown !== job.isKnown && queue.length > ownLength + 1);
    const last = isFair ? queue.at(-1) : undefined;
    if (!last) return false;
    this.#remove(from, address, last);
    last.refuse(tooMany());
    return true;
  }

  #remove(from: Class, address: string, waiting: Waiting): void {
    const rest = (from.get(address) ?? []).filter((each) => each !== waiting);
    if (rest.length > 0) from.set(address, rest);
    else from.delete(address);
    this.#waiting -= 1;
  }

  #startNext(): void {
    while (this.#running < this.#maxRunning) {
      const next = this.#choose();
      if (!next) return;
      this.#running += 1;
      void next.start().finally(() => {
        this.#running -= 1;
        this.#startNext();
      });
    }
  }

  #choose(): Waiting | undefined {
    const classes = this.#isUnknownTurn ? [this.#unknown, this.#known] : [this.#known, this.#unknown];
    for (const each of classes) {
      const next = this.#chooseFrom(each);
      if (!next) continue;
      this.#isUnknownTurn = each === this.#known;
      return next;
    }
    return undefined;
  }

  #chooseFrom(from: Class): Waiting | undefined {
    for (const [address, queue] of [...from]) {
      const next = queue.find((waiting) => this.#isReady(from, waiting));
      if (!next) continue;
      this.#remove(from, address, next);
      const rest = from.get(address);
      // Move to the end of the queue.
      if (from.delete(address) && rest) from.set(address, rest);
      return next;
    }
    return undefined;
  }

  #isReady(from: Class, waiting: Waiting): boolean {
    const { job } = waiting;
    try {
      if (job.isAborted?.()) throw new Fault('clientDisconnected', { what: 'The login' });
      return job.admit?.() ?? true;
    } catch (error) {
      this.#remove(from, job.address, waiting);
      waiting.refuse(error as Error);
      return false;
    }
  }
}

function tooMany(): Fault {
  return new Fault('tooManyRequests', { what: 'logins at once', seconds: 5 });
}
