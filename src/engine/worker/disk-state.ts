/**
 * Whether a failed deployment may have left tenant data on the disk or changed the machine. Only a fact recorded at the
 * failure rules that out; without it, the node is cleaned and powered off.
 */
import type { JsonObject } from '#domain/json.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Operation } from '#store/tables/operations.ts';

const fact = 'disk_untouched';
const machineFact = 'machine_untouched';
/** The ramdisk was running, or the machine could not be powered off: the state of the disk is unknown. */
const doubts = ['agent', 'messages', 'undo_faults'] as const;

/** The fact to record when `failed` fails; only if every step up to it declares that it does not touch the disk. */
export function diskFact(steps: readonly Step[], failed: Step | undefined): JsonObject {
  const index = steps.findIndex(({ name }) => name === failed?.name);
  const done = steps.slice(0, index + 1);
  const isDiskKept = index >= 0 && done.every(({ keepsDisk }) => keepsDisk === true);
  return { [fact]: isDiskKept, [machineFact]: isDiskKept && done.every(({ keepsMachine }) => keepsMachine === true) };
}

/** A server on the machine, if any, is still running. */
export function isMachineUntouched({ context }: Pick<Operation, 'context'>): boolean {
  return context[machineFact] === true;
}

export function isDiskUntouched({ context }: Pick<Operation, 'context'>): boolean {
  return context[fact] === true && !doubts.some((doubt) => doubt in context);
}
