/** Steps that several operations share: one machine brought to a state, traces removed. */
import type { Outcome, Step, Task } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { bindPorts, unbindPorts } from './server-network.ts';

export const next: Outcome = { next: true };

export type NamedStep = Omit<Step, 'run'>;

/** A step that does one thing and goes on. */
export function simpleStep(step: NamedStep, act: (task: Task) => Promise<unknown>): Step {
  return {
    ...step,
    async run(task) {
      await act(task);
      return next;
    },
  };
}

export const powerOff = simpleStep({ name: 'power off', title: 'Power off', deadlineSeconds: 180 }, (task) =>
  task.power.set('power off'),
);

export const powerOn = simpleStep({ name: 'power on', title: 'Power on', deadlineSeconds: 180, phase: 'firmware' }, (task) =>
  task.power.set('power on'),
);

export const setNetworkBoot = simpleStep({ name: 'set network boot', title: 'Set network boot', deadlineSeconds: 120 }, (task) =>
  task.setBootDevice('pxe', { persistent: false }),
);

export const withdrawBootFiles = simpleStep(
  { name: 'remove boot files', title: 'Remove boot files', deadlineSeconds: 60 },
  (task) => task.boot.withdraw(),
);

export function bindPortsStep(store: Store): Step {
  return simpleStep({ name: 'bind ports', title: 'Bind network ports', deadlineSeconds: 60, phase: 'prepare' }, async (task) => {
    if (task.server) await bindPorts(store, task.server);
  });
}

export function unbindPortsStep(store: Store): Step {
  return simpleStep({ name: 'unbind ports', title: 'Unbind network ports', deadlineSeconds: 60 }, async (task) => {
    if (task.server) await unbindPorts(store, task.server);
  });
}

/** Ends when the agent of this operation has said hello. */
export function waitForRamdisk(deadlineSeconds: number): Step {
  return {
    name: 'wait for the ramdisk',
    title: 'Wait for the ramdisk',
    deadlineSeconds,
    phase: 'ramdisk',
    async run(task) {
      return task.agent.heard() ? next : { wait: 'the ramdisk to report' };
    },
  };
}
