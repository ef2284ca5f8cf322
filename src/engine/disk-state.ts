/**
 * Whether a failed deployment may have left a tenant's data on the disk, or changed anything of the machine. Only a fact
 * that is recorded as the deployment fails says that it has not; where it is missing, the node is cleaned and switched off.
 */
import type { JsonObject, Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';

const fact = 'disk_untouched';
const machineFact = 'machine_untouched';
/** The ramdisk was alive, or the machine could not even be switched off: nobody knows what became of the disk. */
const doubts = ['agent', 'messages', 'undo_faults'] as const;

/** What to record when `failed` fails: every step up to it declares that it leaves the disk alone, or nothing is said. */
export function diskFact(steps: readonly Step[], failed: Step | undefined): JsonObject {
  const index = steps.findIndex(({ name }) => name === failed?.name);
  const done = steps.slice(0, index + 1);
  const isDiskKept = index >= 0 && done.every(({ keepsDisk }) => keepsDisk === true);
  return { [fact]: isDiskKept, [machineFact]: isDiskKept && done.every(({ keepsMachine }) => keepsMachine === true) };
}

/** The server that is on it, if any, runs on. */
export function isMachineUntouched({ context }: Pick<Operation, 'context'>): boolean {
  return context[machineFact] === true;
}

export function isDiskUntouched({ context }: Pick<Operation, 'context'>): boolean {
  return context[fact] === true && !doubts.some((doubt) => doubt in context);
}
