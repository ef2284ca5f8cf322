/**
 * Whether a failed deployment may have left tenant data on the disk or changed the machine. Only a fact recorded at the
 * failure rules that out; without it, the node is cleaned and powered off.
 */
import type { Step } from '#drivers/interfaces.ts';
import type { BaseContext } from './base-context.ts';

/** The fact to record when `failed` fails; only if every step up to it declares that it does not touch the disk. */
export function diskFact(
  steps: readonly Step[],
  failed: Step | undefined,
): Pick<BaseContext, 'disk_untouched' | 'machine_untouched'> {
  const index = steps.findIndex(({ name }) => name === failed?.name);
  const done = steps.slice(0, index + 1);
  const isDiskKept = index >= 0 && done.every(({ keepsDisk }) => keepsDisk === true);
  const isMachineKept = isDiskKept && done.every(({ keepsMachine }) => keepsMachine === true);
  return { disk_untouched: isDiskKept, machine_untouched: isMachineKept };
}

/** A server on the machine, if any, is still running. */
export function isMachineUntouched({ context }: { context: BaseContext }): boolean {
  return context.machine_untouched === true && !context.is_incomplete;
}

export function isDiskUntouched({ context }: { context: BaseContext }): boolean {
  const { disk_untouched, is_incomplete, agent, messages, undo_faults } = context;
  // The ramdisk was running, or the machine could not be powered off: the state of the disk is unknown.
  const doubts = [agent, messages, undo_faults];
  return disk_untouched === true && !is_incomplete && doubts.every((doubt) => doubt === undefined);
}
