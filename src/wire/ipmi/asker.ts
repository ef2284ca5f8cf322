import type { Command } from './command.ts';

/** A connection to one BMC, for tasks that need many commands. */
export type Asker = {
  /** @throws whatever the implementation turns a failure into */
  ask<Q, R>(row: Command<Q, R>, fields: Q): Promise<R>;
  /** The completion code of such a failure; undefined = the failure was not a completion code. */
  completionOf(error: unknown): number | undefined;
};

/** Returns the response, or the completion code if it is one of `expected`. */
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

/** The same command for another logical unit (LUN). */
export function onUnit<Q, R>(row: Command<Q, R>, lun: number): Command<Q, R> {
  return lun === 0 ? row : { ...row, lun };
}
