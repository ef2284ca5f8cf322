/** The steps of the `direct` chain, in order. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { routes, WriteImageResult } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { AgentReply, Step, Task } from '#drivers/interfaces.ts';
import { networkBootSteps, simpleStep, waitForRamdisk } from '#drivers/network-boot-steps.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import { softwareVolumes } from '#drivers/software-volumes.ts';
import { checkBoot } from './check-boot.ts';

/** The disk to which the image was written. */
export const DirectContext = Type.Object({ root_device: Type.String() });
type DirectContext = Static<typeof DirectContext>;

/** Timeouts in seconds: until the ramdisk's agent reports, and for preparing or writing an image. */
export type DirectTimes = { agentTimeout: number; imageTimeout: number };

export function directSteps({ agentTimeout, imageTimeout }: DirectTimes): readonly Step[] {
  return [
    simpleStep(
      {
        ...{ name: 'prepare image', title: 'Prepare the image', deadlineSeconds: imageTimeout, phase: 'prepare' },
        ...{ keepsDisk: true, keepsMachine: true },
      },
      prepareImage,
    ),
    simpleStep(
      {
        name: 'write boot files',
        title: 'Write boot files',
        // The node's own ramdisk may have to be downloaded.
        deadlineSeconds: imageTimeout,
        keepsDisk: true,
        phase: 'prepare',
        core: 'deploy',
      },
      writeBootFiles,
    ),
    ...networkBootSteps({ persistent: false }),
    waitForRamdisk(agentTimeout),
    {
      ...{ name: 'write image', title: 'Write the image', deadlineSeconds: imageTimeout, phase: 'image', core: 'write_image' },
      run: writeImage,
    },
    { name: 'write config drive', title: 'Write the config drive', deadlineSeconds: 300, phase: 'image', run: writeConfigDrive },
    simpleStep(
      {
        ...{ name: 'boot from disk', title: 'Set boot from disk', deadlineSeconds: 120, powerChanges: 0, phase: 'reboot' },
        core: 'prepare_instance_boot',
      },
      bootFromDisk,
    ),
    simpleStep(
      {
        ...{ name: 'restart', title: 'Restart into the system', deadlineSeconds: 300, powerChanges: 2, phase: 'reboot' },
        core: 'boot_instance',
      },
      restart,
    ),
  ];
}

/** Converts the image before the machine is touched: an unusable image must not cost a reboot. */
async function prepareImage(task: Task): Promise<void> {
  rootDeviceOf(task.node);
  refuseRaidOfIpa(task);
  const image = await task.agent.image((await task.imageIds()).image);
  const { size, virtual_size, data_bytes } = image;
  const facts = { size, virtual_size, data_bytes };
  task.note(
    'image',
    `${mebibytes(data_bytes)} of data in a disk of ${mebibytes(virtual_size)}, ${mebibytes(size)} to send`,
    facts,
  );
  if (image.boot) await checkBoot(task, image.boot);
}

/** To Ironic's agent the members are disks like others. @throws Fault `badRequest` */
function refuseRaidOfIpa({ agent, node }: Task): void {
  if (agent.kind !== 'ipa' || softwareVolumes(node).length === 0) return;
  const why = "has software RAID, of whose volumes Ironic's own agent is told nothing: use Ingot's (driver_info/agent is ingot)";
  throw new Fault('badRequest', { detail: `Node ${node.name ?? node.uuid} ${why}.` });
}

async function writeBootFiles(task: Task): Promise<void> {
  const ramdisk = await task.deployRamdisk();
  await task.boot.serve({ boot: 'deploy', deploy: { ...ramdisk, parameters: task.boot.agentParameters() } });
}

const writeImage: Step<DirectContext>['run'] = async (task) => {
  const { image: id } = await task.imageIds();
  const image = await task.agent.image(id);
  const { disk = 0 } = task.instance?.flavor ?? {};
  const hints = rootDeviceOf(task.node).map(({ name, expression }) => [name, expression] as const);
  const raid = softwareVolumes(task.node);
  const reply = await task.agent.ask('write-image', {
    ...image.source,
    minimum_bytes: Math.max(image.virtual_size, disk * 1024 ** 3),
    ...(hints.length > 0 && { root_device: Object.fromEntries(hints) }),
    ...(raid.length > 0 && { raid }),
  });
  if (!reply) return { wait: 'the ramdisk to write the image' };
  const name = (await task.images.get(id)).name ?? id;
  if (!reply.ok && reportsChecksum(reply.error) && !(await task.images.recheck(id)))
    throw new Fault('preparedImageDamaged', { image: name });
  const result = resultOf(reply, 'write the image');
  if (!Value.Check(WriteImageResult, result)) {
    throw new Fault('agentFailed', { command: 'write the image', detail: 'its report cannot be understood' }, result);
  }
  const { device, data_bytes, seconds } = result;
  const rate = seconds > 0 ? ` at ${(data_bytes / 1e6 / seconds).toFixed(1)} MB/s` : '';
  task.note('image', `${mebibytes(data_bytes)} written to ${device}${rate}`, {
    ...result,
    mb_per_s: rateOf(data_bytes, seconds),
  });
  return { next: true, context: { root_device: device } };
};

const writeConfigDrive: Step<DirectContext>['run'] = async (task) => {
  const { root_device: device } = task.context;
  if (device === undefined) throw new Error('no step has written the image');
  const path = await task.configDrive();
  if (path === undefined) return { next: true };
  const file = await readFile(path);
  const reply = await task.agent.ask('write-config-drive', {
    path: routes.configDrive,
    sha256: createHash('sha256').update(file).digest('hex'),
    size: file.length,
    device,
  });
  if (!reply) return { wait: 'the ramdisk to write the config drive' };
  resultOf(reply, 'write the config drive');
  return { next: true };
};

/** DHCP gives the machine an address but no boot file: firmware that tries the network first falls back to the disk. */
async function bootFromDisk(task: Task): Promise<void> {
  await task.boot.serve({ boot: 'local' });
  await task.setBootDevice('disk', { persistent: true });
}

/** By power cycle: the agent flushes everything to disk before it reports success. */
async function restart(task: Task): Promise<void> {
  await task.power.set('power off');
  await task.power.set('power on');
}

function resultOf(reply: AgentReply, command: string): JsonObject {
  if (reply.ok) return reply.result;
  const onTheWay = reportsChecksum(reply.error) ? '; the copy on this host is intact, so the data was corrupted in transit' : '';
  throw new Fault('agentFailed', { command, detail: `${reply.error}${onTheWay}` });
}

function reportsChecksum(error: string): boolean {
  return /checksum|sha-?256/i.test(error);
}

function rateOf(bytes: number, seconds: number): number {
  return seconds > 0 ? Math.round((bytes / 1e6 / seconds) * 10) / 10 : 0;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
