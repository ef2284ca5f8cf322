/** What the steps that a BMC executes out of band share. */
import { asFault, type FaultCode, failedBmcFaults, passingBmcFaults } from '#domain/faults.ts';
import type { Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { recordBmcCommand } from '../power/power.ts';
import type { CleanTimes, OperationParts } from '../worker/define-operation.ts';

/** The operations in which a step may be used. */
export type StepUse = 'clean' | 'deploy' | 'service';

/** The operation in which a step is. */
export type StepPlace = { readonly use: StepUse; readonly boot_interface?: string | undefined };

export type Parts = Pick<OperationParts, 'store' | 'drivers' | 'cleanTimes'>;

const usualTimes: CleanTimes = { poll: 10_000, lastWords: 10_000, flash: 900_000 };

export function timesOf({ cleanTimes = usualTimes }: Parts): CleanTimes {
  return cleanTimes;
}

const awayCodes: readonly FaultCode[] = [...passingBmcFaults, ...failedBmcFaults];

export function isAway(error: unknown): boolean {
  return awayCodes.includes(asFault(error).code);
}

export function bmcStep({ store }: Parts, step: Omit<Step, 'run'>, act: (task: Task) => Promise<void>): Step {
  return simpleStep(step, (task) =>
    recordBmcCommand({ store, node: task.node, operation: task.operation, signal: task.signal }, step.name, () => act(task)),
  );
}
