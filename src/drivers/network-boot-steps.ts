/** What both deploy chains begin with: the machine, wherever it was, boots the ramdisk from the network. */
import type { Step, Task } from './interfaces.ts';

type NamedStep = Omit<Step, 'run'>;

/** A step that does one thing and goes on. */
export function simpleStep(step: NamedStep, act: (task: Task) => Promise<unknown>): Step {
  return {
    ...step,
    async run(task) {
      await act(task);
      return { next: true };
    },
  };
}

/**
 * Off first, also where it runs: firmware looks at the boot device only when it starts, and the disk must be nobody's.
 * @param persistent whether the machine boots from the network every time from now on
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

/** Ends when the agent of this operation has said hello. */
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
