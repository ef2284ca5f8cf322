/**
 * Whether a failed deployment may have left a tenant's data on the disk. Only a fact that is recorded as the deployment
 * fails says that it has not; where it is missing, the node is cleaned.
 */
import type { JsonObject, Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';

const fact = 'disk_untouched';
/** The ramdisk was alive, or the machine could not even be switched off: nobody knows what became of the disk. */
const doubts = ['agent', 'messages', 'undo_faults'] as const;

/** What to record when `failed` fails: every step up to it declares that it leaves the disk alone, or nothing is said. */
export function diskFact(steps: readonly Step[], failed: Step | undefined): JsonObject {
  const index = steps.findIndex(({ name }) => name === failed?.name);
  const isUntouched = index >= 0 && steps.slice(0, index + 1).every(({ keepsDisk }) => keepsDisk === true);
  return { [fact]: isUntouched };
}

export function isDiskUntouched({ context }: Pick<Operation, 'context'>): boolean {
  return context[fact] === true && !doubts.some((doubt) => doubt in context);
}
