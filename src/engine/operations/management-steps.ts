/** Steps of the BMC itself: its restart and its log. */
import { type Static, Type } from 'typebox';
import { asFault, passingBmcFaults } from '#domain/faults.ts';
import type { Outcome, Step, Task } from '#drivers/interfaces.ts';
import { recordBmcCommand } from '../power/power.ts';
import { interfaceOf } from '../worker/task.ts';
import { bmcStep, type Parts, timesOf } from './bmc-steps.ts';
import { next } from './machine-steps.ts';

/** What they keep for a restart of Ingot. */
export const RestartContext = Type.Object({
  /** The step that has told the BMC to restart. */
  restarted: Type.String(),
});
type RestartContext = Static<typeof RestartContext>;

export function resetBmc(parts: Parts): readonly Step<RestartContext>[] {
  return [
    {
      name: 'restart the BMC',
      title: 'Restart the BMC',
      deadlineSeconds: 600,
      run: (task) => restartBmc(parts, task),
    },
  ];
}

export function clearLog(parts: Parts): readonly Step[] {
  return [
    bmcStep(parts, { name: 'clear the BMC log', title: "Clear the BMC's log", deadlineSeconds: 300 }, async (task) => {
      await managementOf(parts, task).clearLog?.(task.node, task);
    }),
  ];
}

/**
 * Ends when the BMC responds again, because later steps need it. The request is recorded, so that it is not repeated if
 * Ingot crashes during the restart; it is repeated only if Ingot crashed before receiving the response.
 */
async function restartBmc(parts: Parts, task: Task<RestartContext>): Promise<Outcome<RestartContext>> {
  const management = managementOf(parts, task);
  const { node, signal, operation } = task;
  const { lastWords, poll } = timesOf(parts);
  if (task.context.restarted !== operation.step) {
    await task.power.awaitFirmware();
    await recordBmcCommand({ store: parts.store, node, operation, signal }, 'restart the BMC', async () =>
      management.resetBmc?.(node, 'cold', { signal }),
    );
    await task.saveContext({ restarted: operation.step });
  }
  const left = lastWords / 1000 - task.elapsed('the restart');
  if (left > 0) return { wait: 'the BMC to restart', againIn: left, shows: 'wait' };
  try {
    await management.getBootDevice(node, { signal });
  } catch (error) {
    if (passingBmcFaults.includes(asFault(error).code))
      return { wait: 'the BMC to answer after its restart', againIn: poll / 1000, shows: 'wait' };
  }
  return next;
}

function managementOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.management, node.management_interface);
}
