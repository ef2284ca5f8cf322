/** Common first steps of both deploy chains: the machine boots the ramdisk from the network. */
import type { JsonObject } from '#domain/json.ts';
import type { Step, Task } from './interfaces.ts';

type NamedStep = Omit<Step, 'run'>;

/** A step that runs one action and continues. */
export function simpleStep<C = JsonObject>(step: NamedStep, act: (task: Task<C>) => Promise<unknown>): Step<C> {
  return {
    ...step,
    async run(task) {
      await act(task);
      return { next: true };
    },
  };
}

/**
 * Powers off first, even a running machine: firmware reads the boot device only at start, and the disk must be unused.
 * @param persistent whether every following boot is from the network
 */
export function networkBootSteps({ persistent }: { persistent: boolean }): readonly Step[] {
  return [
    simpleStep(
      { name: 'power off', title: 'Power off', deadlineSeconds: 180, powerChanges: 1, keepsDisk: true, phase: 'prepare' },
      (task) => task.power.set('power off'),
    ),
    simpleStep(
      {
        name: 'set network boot',
        title: 'Set network boot',
        deadlineSeconds: 120,
        powerChanges: 0,
        keepsDisk: true,
        phase: 'prepare',
      },
      (task) => task.setBootDevice('pxe', { persistent }),
    ),
    simpleStep(
      { name: 'power on', title: 'Power on', deadlineSeconds: 180, powerChanges: 1, keepsDisk: true, phase: 'firmware' },
      (task) => task.power.set('power on'),
    ),
  ];
}

/** Ends when the agent of this operation has reported. */
export function waitForRamdisk(deadlineSeconds: number): Step {
  return {
    name: 'wait for the ramdisk',
    title: 'Wait for the ramdisk',
    deadlineSeconds,
    keepsDisk: true,
    awaitsBoot: true,
    phase: 'ramdisk',
    async run(task) {
      return task.agent.heard() ? { next: true } : { wait: 'the ramdisk to report' };
    },
  };
}
