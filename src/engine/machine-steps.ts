/** Steps that several operations share: one machine brought to a state, traces removed. */
import type { Outcome, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import { bindPorts, unbindPorts } from './server-network.ts';

export const next: Outcome = { next: true };

export const powerOff = simpleStep({ name: 'power off', title: 'Power off', deadlineSeconds: 180 }, (task) =>
  task.power.set('power off'),
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
