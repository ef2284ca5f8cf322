/** Simulates the `direct` chain without a machine: the same steps by name, for demos and tests of everything around. */
import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { DeployInterface, Step, Task } from '../interfaces.ts';
import { networkBootSteps, simpleStep } from '../network-boot-steps.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

export function createFakeDeploy(bmc: FakeBmc, deployDelayMs: number): DeployInterface {
  return {
    simulated: true,
    boot: ['fake', 'ipxe', 'pxe'],
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    checkImage() {},
    steps: fakeSteps(deployDelayMs).map((step) => failing(bmc, step)),
    async release() {},
  };
}

const deadlineSeconds = 300;
const nothing = async () => {};

function fakeSteps(deployDelayMs: number): readonly Step[] {
  const prepare = { deadlineSeconds, phase: 'prepare' } as const;
  const image = { deadlineSeconds, phase: 'image' } as const;
  const reboot = { deadlineSeconds, powerChanges: 2, phase: 'reboot' } as const;
  return [
    simpleStep({ name: 'prepare image', title: 'Prepare the image', ...prepare, keepsMachine: true }, async (task) =>
      task.images.get((await task.imageIds()).image),
    ),
    simpleStep({ name: 'write boot files', title: 'Write boot files', ...prepare, core: 'deploy' }, nothing),
    ...networkBootSteps({ persistent: false }),
    simpleStep({ name: 'wait for the ramdisk', title: 'Wait for the ramdisk', deadlineSeconds, phase: 'ramdisk' }, nothing),
    simpleStep({ name: 'write image', title: 'Write the image', ...image, core: 'write_image' }, (task) =>
      pretendToWrite(task, deployDelayMs),
    ),
    simpleStep({ name: 'write config drive', title: 'Write the config drive', ...image }, nothing),
    simpleStep({ name: 'boot from disk', title: 'Set boot from disk', ...reboot, core: 'prepare_instance_boot' }, (task) =>
      task.setBootDevice('disk', { persistent: true }),
    ),
    simpleStep({ name: 'restart', title: 'Restart into the system', ...reboot, core: 'boot_instance' }, restart),
  ];
}

async function pretendToWrite(task: Task, delayMs: number): Promise<void> {
  await pause(delayMs, task.signal);
  task.note('image', 'nothing was written (fake hardware)');
}

async function restart(task: Task): Promise<void> {
  await task.power.set('power off');
  await task.power.set('power on');
}

function failing(bmc: FakeBmc, step: Step): Step {
  return {
    ...step,
    // There is no disk.
    keepsDisk: true,
    async run(task) {
      if (bmc.failsStep(task.node, step.name))
        throw new Fault('agentFailed', { command: step.name, detail: 'requested by fake_fail' });
      return step.run(task);
    },
  };
}
