/** The current step of an operation in this process: its deadline, and what it waits for. */
import type { Step } from '#drivers/interfaces.ts';
import type { Operation } from '#store/tables/operations.ts';
import { endOf, now } from './step-deadlines.ts';
import { StepMemory } from './step-memory.ts';

type Timed = Pick<Operation, 'deadline_at'>;

export class CurrentStep {
  #announced: Step | undefined;
  /** On the clock of step-deadlines.ts, as are the times below. */
  #endsAt: number;
  /** The wait for a message, without the details learned since. */
  #wait: string | undefined;
  #isHeld = false;
  /** The wait of a step that polls, and when it runs again. */
  #poll: { wait: string; at: number } | undefined;
  /** The wait for people, which has its own deadline. */
  #longWait: { wait: string; seconds: number } | undefined;
  #memory = new StepMemory();

  constructor(row: Timed) {
    this.#endsAt = endOf(row);
  }

  /** What is remembered between the runs of the step. */
  get memory(): StepMemory {
    return this.#memory;
  }

  get leftMs(): number {
    return this.#endsAt - now();
  }

  get wait(): string | undefined {
    return this.#wait;
  }

  /** It waits until an operator lets it go on. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  get longWait(): { wait: string; seconds: number } | undefined {
    return this.#longWait;
  }

  get pollWait(): string | undefined {
    return this.#poll?.wait;
  }

  get phase(): Step['phase'] {
    return this.#announced?.phase;
  }

  /** True while waiting for a machine to boot its ramdisk. */
  get awaitsBoot(): boolean {
    return this.#wait !== undefined && this.#announced?.awaitsBoot === true;
  }

  /** The next step, whose row is written. */
  enter(row: Timed): void {
    this.#endsAt = endOf(row);
    this.#memory = new StepMemory();
    this.#wait = undefined;
    this.#isHeld = false;
    this.#poll = undefined;
    this.#longWait = undefined;
  }

  isAnnounced({ name }: Step): boolean {
    return this.#announced?.name === name;
  }

  announce(step: Step): void {
    this.#announced = step;
  }

  /** It waits for a message. */
  rest(wait: string, isHeld = false): void {
    this.#wait = wait;
    this.#isHeld = isHeld;
    this.#poll = undefined;
  }

  /** It polls: it runs again after this time. */
  restFor(wait: string, seconds: number): void {
    this.#poll = { wait, at: now() + seconds * 1000 };
  }

  /** The wait has its own deadline, which is in the row; undefined: it has not. */
  prolong(longWait: { wait: string; seconds: number } | undefined, row?: Timed): void {
    this.#longWait = longWait;
    if (row) this.#endsAt = endOf(row);
  }

  /** The time in which the step must run again; `silentAt`: when its agent will have been silent for too long. */
  nextRunInMs(silentAt: number | undefined): number {
    const times = [this.#endsAt, ...(this.#poll ? [this.#poll.at] : [])];
    if (silentAt !== undefined && silentAt > now()) times.push(silentAt);
    return Math.min(...times) - now() + 1;
  }
}
