/** The steps of the classic chain that write to the machine's disk; each is idempotent. */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { Outcome as StepOutcome, Task as StepTask } from '#drivers/interfaces.ts';
import { type IscsiContext, known } from './context.ts';
import { makeEphemeral } from './file-systems.ts';
import { IscsiDisk } from './iscsi-disk.ts';
import type { IscsiOptions } from './options.ts';
import { encodeLeadIn, leadInBytes, type Partition, type PartitionRole, planPartitions } from './partitions.ts';
import { encodeSwapHead } from './swap-area.ts';

type Outcome = StepOutcome<IscsiContext>;
type Task = StepTask<IscsiContext>;

const next: Outcome = { next: true };

/** The system area of an ISO 9660 image and its volume descriptors (ECMA-119 section 6.2.1) lie within. */
const isoHeadBytes = 64 * 1024;

/** Writes both ends of the disk: the table at the front, and the back, where GPT and RAID keep a second copy. */
export async function partitionDisk(task: Task, options: IscsiOptions): Promise<Outcome> {
  const disk = await openDisk(task, options);
  const [diskBytes, image] = await Promise.all([disk.size(), rawImage(task)]);
  const flavor = flavorOf(task);
  const partitions = planPartitions({ flavor, imageBytes: image.size, diskBytes });
  await disk.writeBytes(Buffer.alloc(leadInBytes), { start: diskBytes - leadInBytes, length: leadInBytes });
  await disk.writeBytes(encodeLeadIn(partitions, task.instance?.id ?? ''), { start: 0, length: leadInBytes });
  const text = partitions.map(({ role, length }) => `${role} ${length / 1024 / 1024} MiB`).join(', ');
  task.note('disk', `partitioned: ${text}`, { disk_bytes: diskBytes, partitions });
  return { next: true, context: { partitions } };
}

export async function writeRoot(task: Task, options: IscsiOptions): Promise<Outcome> {
  const disk = await openDisk(task, options);
  const { path, size } = await rawImage(task);
  const started = performance.now();
  const report = progressNotes(task, size);
  await disk.write({ path, ...placeOf(task, 'root'), coverage: 'exact', onProgress: report });
  const milliseconds = performance.now() - started;
  const rate = Math.round(size / 1e5 / (milliseconds / 1000)) / 10;
  task.note('image', `${mebibytes(size)} written at ${rate} MB/s`, { bytes: size, mb_per_s: rate }, Math.round(milliseconds));
  return next;
}

export async function makeSwap(task: Task, options: IscsiOptions): Promise<Outcome> {
  const place = placeOf(task, 'swap');
  const disk = await openDisk(task, options);
  await disk.writeBytes(encodeSwapHead(place.length), place);
  return next;
}

export async function makeEphemeralPartition(task: Task, options: IscsiOptions): Promise<Outcome> {
  const place = partitionsOf(task).find(({ role }) => role === 'ephemeral');
  if (!place) return next;
  if (task.instance?.preserve_ephemeral) {
    task.note('ephemeral', 'kept as it is');
    return next;
  }
  const disk = await openDisk(task, options);
  const path = join(task.settings.work_dir, 'ephemeral');
  try {
    await makeEphemeral(path, place.length, { ...options, signal: task.signal });
    await disk.write({ path, ...place, coverage: 'data' });
  } finally {
    await rm(path, { force: true });
  }
  return next;
}

export async function makeConfigDrive(task: Task, options: IscsiOptions): Promise<Outcome> {
  const place = placeOf(task, 'config');
  const disk = await openDisk(task, options);
  const path = await task.configDrive();
  if (path === undefined) {
    // Not the drive of an earlier deployment, which a system would read.
    await disk.writeBytes(Buffer.alloc(isoHeadBytes), { start: place.start, length: isoHeadBytes });
    return next;
  }
  const { size } = await stat(path);
  if (size > place.length) {
    const detail = `the config drive of ${mebibytes(size)} is larger than its partition of ${mebibytes(place.length)}`;
    throw new Fault('diskUnfit', { flavor: flavorOf(task).name, detail });
  }
  await disk.write({ path, ...place, coverage: 'exact-plain' });
  return next;
}

async function rawImage(task: Task): Promise<{ path: string; size: number }> {
  return task.images.raw((await task.imageIds()).image);
}

async function openDisk(task: Task, { silenceTimeout, confinement }: IscsiOptions): Promise<IscsiDisk> {
  const target = known(task.context, 'target');
  const deploymentKey = known(task.context, 'deployment_key');
  const workDir = task.settings.work_dir;
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  return new IscsiDisk({ target, deploymentKey, workDir, silenceMs: silenceTimeout * 1000, confinement, signal: task.signal });
}

function partitionsOf(task: Task): Partition[] {
  return known(task.context, 'partitions');
}

function placeOf(task: Task, role: PartitionRole): { start: number; length: number } {
  const found = partitionsOf(task).find((partition) => partition.role === role);
  if (!found) throw new Error(`the disk has no partition for ${role}`);
  return { start: found.start, length: found.length };
}

function flavorOf(task: Task) {
  if (!task.instance) throw new Error('the operation is not about an instance');
  return task.instance.flavor;
}

const noteEveryPercent = 10;

/** Logs progress every ten percent. */
function progressNotes(task: Task, total: number): (percent: number) => void {
  const started = performance.now();
  let noted = 0;
  return (percent) => {
    if (percent < noted + noteEveryPercent || percent >= 100) return;
    noted = percent - (percent % noteEveryPercent);
    const bytes = Math.round((total * percent) / 100);
    const rate = Math.round(bytes / 1e5 / ((performance.now() - started) / 1000)) / 10;
    task.note('image', `${mebibytes(bytes)} of ${mebibytes(total)} at ${rate} MB/s`, {
      done_bytes: bytes,
      total_bytes: total,
      mb_per_s: rate,
    });
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
