/**
 * Sequence numbers of a session, IPMI 2.0 rev 1.1 sections 6.12.8 to 6.12.13: each number is taken once, late ones
 * within a window, 0 never (it marks packets outside of a session).
 */
const behind = 16;
const numbers = 2 ** 32;

export class SequenceWindow {
  #highest: number;
  /** Bit n is set when `highest - n` was taken. */
  #taken = 1;

  /** @param before the number before the first one */
  constructor(before = 0) {
    this.#highest = before;
  }

  /**
   * Takes a number; false for a repeated, zero or too old one. Call it for packets with a proven signature only. A leap
   * ahead is taken however far it goes: it is signed, and after a long loss it is all that keeps the session usable.
   */
  take(sequence: number): boolean {
    if (sequence === 0) return false;
    const ahead = (sequence - this.#highest + numbers) % numbers;
    if (ahead > 0 && ahead < numbers / 2) {
      this.#taken = ahead > behind ? 1 : ((this.#taken << ahead) | 1) & (2 ** (behind + 1) - 1);
      this.#highest = sequence;
      return true;
    }
    const late = (numbers - ahead) % numbers;
    if (late > behind || this.#taken & (1 << late)) return false;
    this.#taken |= 1 << late;
    return true;
  }
}

/** Counts 1, 2, … and over 0 after the last. */
export class SequenceCounter {
  #last: number;

  constructor(before = 0) {
    this.#last = before;
  }

  next(): number {
    this.#last = this.#last === numbers - 1 ? 1 : this.#last + 1;
    return this.#last;
  }
}
