/** Why a rule cannot be applied, in words for the operator. */
export class RuleFailure extends Error {}

/** What the rules of one inspection may cost: characters that are written or compared. */
const most = 2_000_000;

/** Rules and what machines report are given from outside; nothing of them takes long. */
export class Budget {
  #left: number;

  constructor(limit = most) {
    this.#left = limit;
  }

  /** Throws `RuleFailure` when nothing is left. */
  spend(amount: number): void {
    this.#left -= amount;
    if (this.#left < 0) throw new RuleFailure('The inspection rules take too long for the data of this machine.');
  }
}
