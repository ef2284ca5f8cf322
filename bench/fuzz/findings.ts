/** Findings of fuzzing, passed from the threads to the table. */
export type FuzzFault = {
  readonly target: string;
  readonly problem: string;
  /** Index of the input in its target; -1 = not due to one input. */
  readonly index: number;
  readonly hex: string;
};

export type TargetFindings = {
  readonly target: string;
  /** Number of hostile inputs and packets. */
  readonly inputs: number;
  readonly read: number;
  readonly rejected: number;
  /** Distinct reasons; numbers and quoted words in them are ignored. */
  readonly reasons: readonly string[];
  /** Processor milliseconds of the slowest input. */
  readonly slowestMs: number;
  readonly seconds: number;
  readonly faults: readonly FuzzFault[];
};

/** A batch of one target's inputs. */
export type FuzzJob = {
  readonly target: string;
  readonly seed: number;
  /** Number of the first input, and how many follow. */
  readonly from: number;
  readonly count: number;
  /** One given input instead of generated ones. */
  readonly input?: Buffer;
};

export function emptyFindings(target: string): TargetFindings {
  return { target, inputs: 0, read: 0, rejected: 0, reasons: [], slowestMs: 0, seconds: 0, faults: [] };
}

export function addFindings(one: TargetFindings, other: TargetFindings): TargetFindings {
  return {
    target: one.target,
    inputs: one.inputs + other.inputs,
    read: one.read + other.read,
    rejected: one.rejected + other.rejected,
    reasons: [...new Set([...one.reasons, ...other.reasons])],
    slowestMs: Math.max(one.slowestMs, other.slowestMs),
    seconds: one.seconds + other.seconds,
    faults: [...one.faults, ...other.faults],
  };
}
