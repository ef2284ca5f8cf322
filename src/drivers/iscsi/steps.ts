/** The steps of the classic chain, in order. */
import { randomBytes } from 'node:crypto';
import { classicParameters } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';
import type { ImageIds, Instance, Step, Task } from '#drivers/interfaces.ts';
import { networkBootSteps, simpleStep } from '#drivers/network-boot-steps.ts';
import { checkKernel } from './check-kernel.ts';
import { type IscsiContext, known } from './context.ts';
import { readDeployPost } from './deploy-post.ts';
import { makeConfigDrive, makeEphemeralPartition, makeSwap, partitionDisk, writeRoot } from './disk-steps.ts';
import { sendDone } from './done-signal.ts';
import { fileSystemUuid } from './file-systems.ts';
import type { IscsiOptions } from './options.ts';
import { rootDiskNames } from './root-disk.ts';

export function iscsiSteps(options: IscsiOptions): readonly Step[] {
  const { agentTimeout, imageTimeout } = options;
  const diskStep = (
    name: string,
    title: string,
    act: (task: IscsiTask, options: IscsiOptions) => Promise<Outcome>,
  ): IscsiStep => ({
    name,
    title,
    deadlineSeconds: imageTimeout,
    phase: 'image',
    run: (task) => explainByPower(task, () => act(task, options)),
  });
  return [
    {
      name: 'fetch images',
      title: 'Fetch and convert the images',
      deadlineSeconds: imageTimeout,
      keepsDisk: true,
      keepsMachine: true,
      phase: 'prepare',
      run: (task: IscsiTask) => fetchImages(task, options),
    },
    simpleStep(
      {
        name: 'write boot files',
        title: 'Write boot files',
        deadlineSeconds: 120,
        keepsDisk: true,
        phase: 'prepare',
        core: 'deploy',
      },
      writeBootFiles,
    ),
    // The machine loads its kernel from the network at every boot.
    ...networkBootSteps({ persistent: true }),
    {
      name: 'wait for the ramdisk',
      title: 'Wait for the deploy ramdisk',
      deadlineSeconds: agentTimeout,
      keepsDisk: true,
      awaitsBoot: true,
      phase: 'ramdisk',
      run: waitForPost,
    },
    { ...diskStep('partition disk', 'Partition the disk', partitionDisk), core: 'write_image' },
    diskStep('write image', 'Write the image', writeRoot),
    diskStep('make swap', 'Make swap', makeSwap),
    diskStep('make ephemeral', 'Make the ephemeral file system', makeEphemeralPartition),
    diskStep('write config drive', 'Write the config drive', makeConfigDrive),
    simpleStep(
      {
        ...{ name: 'switch boot files', title: 'Switch boot files to the system', deadlineSeconds: 120, phase: 'reboot' },
        core: 'prepare_instance_boot',
      },
      switchBootFiles,
    ),
    simpleStep(
      {
        ...{ name: 'restart', title: 'Restart into the system', deadlineSeconds: 300, powerChanges: 2, phase: 'reboot' },
        core: 'boot_instance',
      },
      (task) => restart(task, options),
    ),
  ];
}

type IscsiStep = Step<IscsiContext>;
type IscsiTask = Task<IscsiContext>;
type Outcome = Awaited<ReturnType<IscsiStep['run']>>;

/** If the disk is gone because the machine is off, the fault says so: that explains more than the connection error. */
async function explainByPower(task: Task, act: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'agentFailed' || task.signal.aborted) throw error;
    if ((await task.power.get().catch(() => undefined)) !== 'power off') throw error;
    const detail = `${error.fields['detail']}; the machine is off, as its BMC says: it lost power, was switched off, or shut down`;
    throw new Fault('agentFailed', { ...error.fields, detail }, error);
  }
}

/** Finds all problems of the images before the machine is touched. Creates the deploy key, once. */
async function fetchImages(task: IscsiTask, { confinement }: IscsiOptions): Promise<Outcome> {
  const instance = instanceOf(task);
  rootDiskNames(task.node);
  const { image: id, kernel, ramdisk } = await partitionImage(task);
  const image = await task.images.get(id);
  if (task.agent.kind === 'ipa') {
    const detail =
      "it is a partition image, which Ironic's own agent (driver_info/agent is ipa) is not given: use a whole-disk image";
    throw new Fault('imageUnusable', { image: image.name ?? id, detail });
  }
  const { path, size } = await task.images.raw(image.id);
  const root = await fileSystemUuid(path, image.name ?? image.id, { confinement, signal: task.signal });
  await Promise.all([checkKernel(task, image, kernel), task.images.file(ramdisk), task.deployRamdisk()]);
  task.note('image', `root file system of ${Math.round(size / 1024 / 1024)} MiB, UUID ${root}`, { size, root });
  const key = task.context.deployment_key ?? randomBytes(16).toString('hex');
  return { next: true, context: { deployment_key: key, iqn: `iqn.2012-12.org.ingot:${instance.id}`, root_uuid: root } };
}

async function writeBootFiles(task: IscsiTask): Promise<void> {
  const parameters = {
    selinux: '0',
    [classicParameters.disk]: rootDiskNames(task.node),
    [classicParameters.iqn]: known(task.context, 'iqn'),
    [classicParameters.deploymentId]: String(task.node.id),
    [classicParameters.deploymentKey]: known(task.context, 'deployment_key'),
    [classicParameters.troubleshoot]: '0',
    ...task.boot.agentParameters(),
  };
  const [deploy, instance] = await Promise.all([task.deployRamdisk(), instanceFiles(task)]);
  await task.boot.serve({ boot: 'deploy', deploy: { ...deploy, parameters }, instance });
}

async function waitForPost(task: IscsiTask): Promise<Outcome> {
  const post = task.message('deploy-post');
  if (!post) return { wait: 'the deploy ramdisk to offer its disk' };
  const target = readDeployPost(post, known(task.context, 'iqn'));
  task.note('ramdisk', `offers its disk at ${target.address}:${target.port}`, target);
  return { next: true, context: { target } };
}

/** From now on the machine boots the user's own kernel; the deploy key is no longer published. */
async function switchBootFiles(task: IscsiTask): Promise<void> {
  const root = `UUID=${known(task.context, 'root_uuid')}`;
  await task.boot.serve({ boot: 'instance', instance: { ...(await instanceFiles(task)), root } });
}

/**
 * The ramdisk reboots the machine on request. If it does not listen (the step was repeated, or the ramdisk died after
 * its work), a power cycle does the same: every write was confirmed, so all data is on the disk.
 */
async function restart(task: IscsiTask, { donePort }: IscsiOptions): Promise<void> {
  if (!task.context.is_restarting) {
    const { address } = known(task.context, 'target');
    try {
      return await sendDone(address, donePort, task.signal);
    } catch (error) {
      task.signal.throwIfAborted();
      const why = (error as Error).message;
      task.note('ramdisk', `does not listen for "done" (${why}); the machine is switched off and on instead`);
      await task.saveContext({ is_restarting: true });
    }
  }
  await task.power.set('power off');
  await task.power.set('power on');
}

export function instanceOf(task: Task): Instance {
  if (task.instance) return task.instance;
  throw new Fault('imageUnusable', { image: '(none)', detail: 'the operation is not about an instance.' });
}

async function partitionImage(task: Task): Promise<Required<ImageIds>> {
  const { image, kernel, ramdisk } = await task.imageIds();
  if (kernel && ramdisk) return { image, kernel, ramdisk };
  throw new Fault('imageUnusable', { image, detail: 'it names no kernel_id and ramdisk_id.' });
}

async function instanceFiles(task: Task): Promise<{ kernel: string; ramdisk: string }> {
  const { kernel, ramdisk } = await partitionImage(task);
  const [kernelPath, ramdiskPath] = await Promise.all([task.images.file(kernel), task.images.file(ramdisk)]);
  return { kernel: kernelPath, ramdisk: ramdiskPath };
}
