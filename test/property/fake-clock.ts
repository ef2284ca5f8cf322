/**
 * Time that passes only when the test says so: timers, `Date`, `performance.now` and `AbortSignal.timeout` of the whole
 * process. A timer fires when everything before it has come to rest, so the same inputs give the same order.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { countFileCalls, filesInProgress, nextFileCall } from './counted-files.ts';

type Owner = 'ingot' | 'world';
type Entry = { at: number; order: number; owner: Owner; call: () => void; everyMs: number | undefined };

/** Kinds of work in progress that end without a timer. */
const works = /^(?:Immediate|FSReq|FileHandle|RandomBytes|PBKDF2|Scrypt|Zlib)/i;

export class FakeClock {
  readonly #entries = new Map<FakeTimeout, Entry>();
  #now = Date.UTC(2026, 0, 1);
  #order = 0;
  readonly #restore: (() => void)[] = [];

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  install(): void {
    const clock = this;
    const { Date: RealDate, performance } = globalThis;
    const perform = performance.now;
    class ClockDate extends RealDate {
      constructor(...given: []) {
        super(...((given.length === 0 ? [clock.#now] : given) as []));
      }
      static override now(): number {
        return clock.#now;
      }
    }
    const start = this.#now;
    this.#replace(globalThis, 'Date', ClockDate);
    performance.now = () => clock.#now - start;
    this.#restore.push(() => {
      performance.now = perform;
    });
    this.#replace(AbortSignal, 'timeout', (ms: number) => this.#timeoutSignal(ms));
    this.#replaceTimers();
    this.#restore.push(countFileCalls());
  }

  uninstall(): void {
    for (const restore of this.#restore.splice(0).reverse()) restore();
  }

  /** A timer of the simulated machines, which a crash of Ingot does not end. */
  world(ms: number, call: () => void): { clear(): void } {
    const timer = this.#add(ms, { call, owner: 'world' });
    return { clear: () => this.#entries.delete(timer) };
  }

  /** Resolves after `ms` of this clock. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.world(ms, resolve));
  }

  /** The process has ended. */
  dropTimersOfIngot(): void {
    for (const [timer, { owner }] of this.#entries) if (owner === 'ingot') this.#entries.delete(timer);
  }

  /** Moves on to the next timer that is due by `until`, and fires it. False: there is none. */
  async step(until: number): Promise<boolean> {
    let next: [FakeTimeout, Entry] | undefined;
    for (const each of this.#entries) if (!next || isBefore(each[1], next[1])) next = each;
    if (!next || next[1].at > until) {
      this.#now = Math.max(this.#now, until);
      return false;
    }
    const [timer, entry] = next;
    this.#now = Math.max(this.#now, entry.at);
    if (entry.everyMs === undefined) this.#entries.delete(timer);
    else Object.assign(entry, { at: this.#now + entry.everyMs, order: this.#order++ });
    entry.call();
    await this.settle();
    return true;
  }

  /** Resolves when nothing is left to do at this time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await immediate();
      while (filesInProgress() > 0) await nextFileCall();
      const isAtWork = process.getActiveResourcesInfo().some((kind) => works.test(kind));
      quiet = isAtWork ? 0 : quiet + 1;
    }
  }

  #add(ms: unknown, entry: Pick<Entry, 'call' | 'owner'> & { repeats?: boolean }): FakeTimeout {
    const delay = Math.max(1, Number(ms) || 1);
    const { call, owner, repeats } = entry;
    const timer = new FakeTimeout((own) => this.#entries.delete(own));
    const everyMs = repeats ? delay : undefined;
    this.#entries.set(timer, { at: this.#now + delay, order: this.#order++, call, owner, everyMs });
    return timer;
  }

  #replaceTimers(): void {
    const set =
      (repeats: boolean) =>
      (call: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
        this.#add(ms, { call: () => call(...args), owner: 'ingot', repeats });
    const clear = (timer: unknown) => {
      if (timer instanceof FakeTimeout) this.#entries.delete(timer);
    };
    this.#replace(globalThis, 'setTimeout', set(false));
    this.#replace(globalThis, 'setInterval', set(true));
    this.#replace(globalThis, 'clearTimeout', clear);
    this.#replace(globalThis, 'clearInterval', clear);
  }

  #timeoutSignal(ms: number): AbortSignal {
    const controller = new AbortController();
    const timedOut = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
    this.#add(ms, { call: () => controller.abort(timedOut), owner: 'ingot' });
    return controller.signal;
  }

  #replace(holder: object, name: string, value: unknown): void {
    const former = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor;
    Object.defineProperty(holder, name, { configurable: true, writable: true, enumerable: former.enumerable ?? true, value });
    this.#restore.push(() => Object.defineProperty(holder, name, former));
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** As Node's `Timeout`, as far as it is used. */
class FakeTimeout {
  readonly #close: (own: FakeTimeout) => void;

  constructor(close: (own: FakeTimeout) => void) {
    this.#close = close;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }

  close(): void {
    this.#close(this);
  }

  [Symbol.dispose](): void {
    this.#close(this);
  }
}
