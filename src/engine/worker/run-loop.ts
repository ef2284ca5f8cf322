/** Runs one operation: one run at a time, repeated when it was woken meanwhile; its cancellation and its timer. */
import { LongTimer } from '#async/timers.ts';
import type { Fault } from '#domain/faults.ts';

const firstRetryMs = 1000;
const longestRetryMs = 60_000;

export class RunLoop {
  #controller = new AbortController();
  #cancelledBy: Fault | undefined;
  #running: Promise<void> | undefined;
  #isWoken = false;
  /** Runs in a row whose result could not be written. */
  #unwritten = 0;
  readonly #timer = new LongTimer();

  /** Aborted when the operation is cancelled, or the process stops. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cancelledBy(): Fault | undefined {
    return this.#cancelledBy;
  }

  /** Ends the current run of a step. */
  abort(reason: unknown): void {
    this.#timer.clear();
    this.#controller.abort(reason);
  }

  cancel(fault: Fault): void {
    this.#cancelledBy = fault;
    this.#controller.abort(fault);
  }

  /** A cancelled operation still has to roll back, with a new signal. */
  renewSignal(): void {
    this.#controller = new AbortController();
  }

  /**
   * Calls `run` until it is not woken meanwhile, then `settled`. A wake during a run makes it run again.
   * @param mayRun false once the operation has ended, or the process stops
   */
  wake(loop: { run(): Promise<void>; mayRun(): boolean; settled(): void; failed(error: unknown): void }): Promise<void> {
    this.#isWoken = true;
    this.#running ??= this.#untilRest(loop).finally(() => {
      this.#running = undefined;
      // A wake may have arrived between the last check and this line.
      if (this.#isWoken && loop.mayRun()) void this.wake(loop);
    });
    return this.#running;
  }

  /** Resolves when the current run has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  setTimer(ms: number, call: () => void): void {
    this.#timer.set(ms, call);
  }

  /** The time until the next attempt to write. */
  nextRetryMs(): number {
    return Math.min(firstRetryMs * 2 ** this.#unwritten++, longestRetryMs);
  }

  async #untilRest({ run, mayRun, settled, failed }: Parameters<RunLoop['wake']>[0]): Promise<void> {
    this.#timer.clear();
    try {
      while (this.#isWoken && mayRun()) {
        this.#isWoken = false;
        await run();
      }
    } catch (error) {
      failed(error);
      return;
    }
    this.#unwritten = 0;
    settled();
  }
}
