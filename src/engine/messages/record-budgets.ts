/**
 * Budgets for machine events. Anyone on the wire can cause events, tenants control machines, and events are kept for
 * months. Lines and bytes are therefore limited per node, for all unknown machines together, and in total. Events over budget
 * are dropped, which is reported once.
 */
import { RateLimiter } from '#async/rate-limiter.ts';

type Budget = { readonly lines: readonly [burst: number, perMinute: number]; readonly bytes: readonly [number, number] };

const mebibyte = 1024 ** 2;

/** A boot produces about a hundred lines, a failing ramdisk about a thousand. */
const budgetTable = {
  unknownMachines: { lines: [60, 60], bytes: [64 * 1024, 64 * 1024] },
  node: { lines: [3000, 50], bytes: [2 * mebibyte, 32 * 1024] },
  total: { lines: [100_000, 20_000], bytes: [64 * mebibyte, 8 * mebibyte] },
} as const satisfies Record<string, Budget>;

/** Minimum interval between reports of dropped lines per owner. */
const reportEveryMs = 600_000;

export type Admission = 'admitted' | 'dropped' | 'dropped, to be reported';

class OneBudget {
  readonly #lines: RateLimiter;
  readonly #bytes: RateLimiter;
  readonly #now: () => number;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor({ lines, bytes }: Budget, now: () => number) {
    this.#lines = new RateLimiter(...lines, now);
    this.#bytes = new RateLimiter(...bytes, now);
    this.#now = now;
  }

  admit(bytes: number): Admission {
    if (this.#lines.take(1) && this.#bytes.take(bytes)) return 'admitted';
    if (this.#now() - this.#reportedAt < reportEveryMs) return 'dropped';
    this.#reportedAt = this.#now();
    return 'dropped, to be reported';
  }
}

export class RecordBudgets {
  readonly #now: () => number;
  readonly #nodes = new Map<string, OneBudget>();
  readonly #unknownMachines: OneBudget;
  readonly #total: OneBudget;

  /** @param now monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#unknownMachines = new OneBudget(budgetTable.unknownMachines, now);
    this.#total = new OneBudget(budgetTable.total, now);
  }

  /** @param node whose machine caused it; undefined: an unknown machine, even if the event concerns a node */
  admit(node: string | undefined, bytes: number): Admission {
    const own = node === undefined ? this.#unknownMachines : this.#ofNode(node);
    const admission = own.admit(bytes);
    return admission === 'admitted' ? this.#total.admit(bytes) : admission;
  }

  #ofNode(uuid: string): OneBudget {
    const budget = this.#nodes.get(uuid) ?? new OneBudget(budgetTable.node, this.#now);
    this.#nodes.set(uuid, budget);
    return budget;
  }
}
