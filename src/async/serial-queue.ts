import { Semaphore } from './semaphore.ts';

/** Runs one task at a time, in order of arrival. */
export class SerialQueue extends Semaphore {
  constructor() {
    super(1);
  }
}
