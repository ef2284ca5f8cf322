import type { Command } from './command.ts';

/** One BMC to ask, for what takes many commands. */
export type Asker = {
  /** @throws whatever its owner makes of a failure */
  ask<Q, R>(row: Command<Q, R>, fields: Q): Promise<R>;
  /** The completion code in such a failure; undefined = it was no completion code. */
  completionOf(error: unknown): number | undefined;
};

/** Answers, or the completion code where it is one of `expected`. */
export async function askOr<Q, R>(
  asker: Asker,
  { row, fields, expected }: { row: Command<Q, R>; fields: Q; expected: readonly number[] | 'any' },
): Promise<{ answer: R } | { completion: number }> {
  try {
    return { answer: await asker.ask(row, fields) };
  } catch (error) {
    const completion = asker.completionOf(error);
    if (completion === undefined || !(expected === 'any' || expected.includes(completion))) throw error;
    return { completion };
  }
}

/** The same command to another logical unit. */
export function onUnit<Q, R>(row: Command<Q, R>, lun: number): Command<Q, R> {
  return lun === 0 ? row : { ...row, lun };
}
