/**
 * Sequence numbers of a session, IPMI 2.0 rev 1.1 sections 6.12.8 to 6.12.13: accepts each number once, late ones
 * within a window, and never 0 (it marks packets outside a session).
 */
const behind = 16;
const numbers = 2 ** 32;

export class SequenceWindow {
  #highest: number;
  /** Bit n is set if `highest - n` was accepted. */
  #taken = 1;

  /** @param before the number before the first valid one */
  constructor(before = 0) {
    this.#highest = before;
  }

  /**
   * Accepts a number; returns false for a repeated, zero or too old one. Call it only for packets with a verified
   * signature. A jump ahead of any size is accepted: it is signed, and after a long loss nothing else keeps the
   * session usable.
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

/** Counts 1, 2, …, and skips 0 when it wraps around. */
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
