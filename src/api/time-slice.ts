/** Long work on the one thread: asks for a turn of everybody else once it has held the event loop for some milliseconds. */
import { setImmediate } from 'node:timers/promises';

const sliceMs = 5;

export class TimeSlice {
  #began = performance.now();

  /** To be called between any two small parts of the work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#began < sliceMs) return;
    await setImmediate();
    this.#began = performance.now();
  }
}
