/**
 * The command `apply-raid`: makes and deletes software RAID. It can be repeated after a power cut: what an interrupted run has
 * made is recognized by its partition tables and superblocks, and kept, or deleted. Disks that hold anything else are not
 * touched by a creation.
 */
import type { ApplyRaid, ApplyRaidResult, RaidArray } from '../agent-protocol/messages.ts';
import {
  espVolume,
  type PlannedArray,
  type PlannedDisk,
  planRaid,
  type RaidPlan,
  type WantedVolume,
} from '../agent-protocol/raid-plan.ts';
import { errorMax } from '../agent-protocol/routes.ts';
import type { CommandContext } from './command-loop.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import { createArray, examineArrays, holdersOf, type MdParts, removeSuperblocks, startArray, stopArrays } from './md.ts';
import { kindOf, partitionTypes, readTable } from './partition-table.ts';

type Parts = { machine: Machine; log: Log };
type Acting = Parts & { md: MdParts; context: CommandContext };

export async function applyRaid(params: ApplyRaid, parts: Parts, context: CommandContext): Promise<ApplyRaidResult> {
  const { machine } = parts;
  const { md } = machine;
  if (!md) throw new Error('software RAID needs disks, not files');
  const acting = { ...parts, md, context };
  const volumes = params.creates as readonly object[] as readonly WantedVolume[];
  // Before anything is changed: what cannot be made must not cost what there is.
  const plan = volumes.length > 0 && planVolumes(machine, volumes, params.disk_label);
  const deleted = params.deletes ? await sayingWhatIsLeft(md, () => deleteRaid(acting)) : [];
  const made = plan ? await createRaid(plan, acting) : [];
  await machine.run('sync', [], { timeoutMs: 300_000, signal: context.signal });
  return { volumes: made, deleted };
}

function planVolumes(machine: Machine, volumes: readonly WantedVolume[], diskLabel: string | undefined): RaidPlan {
  const { firmware } = machine.inventory();
  return planRaid({ disks: machine.disks(), volumes, bootMode: firmware.mode, ...(diskLabel && { diskLabel }) });
}

/** A change that fails may have been made in part, of which the node's configuration says nothing: the message does. */
async function sayingWhatIsLeft<T>(md: MdParts, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const left = await examineArrays(md).catch(() => undefined);
    const names = left?.map(({ name, members }) => `${name} on ${members.join(', ')}`).join('; ');
    const found = left ? `RAID on the disks now: ${names || 'none'}` : 'what RAID is on the disks now is not known';
    throw new Error(`${(error as Error).message.slice(0, longestReason)}. ${found}`, { cause: error });
  }
}

/** What follows it is to have room in a result. */
const longestReason = errorMax / 2;

/**
 * Stops all arrays, removes their superblocks, then the partition tables of the disks on which they were. Tables that have
 * only RAID and EFI system partitions are those of a run that was interrupted.
 */
async function deleteRaid({ machine, md, log, context }: Acting): Promise<string[]> {
  const { signal } = context;
  note(context, 'deleting the RAID');
  const disks = machine.disks().filter(({ removable }) => !removable);
  const unfinished: string[] = [];
  for (const { device } of disks) if (await isOnlyForRaid(machine, device)) unfinished.push(device);
  await stopArrays(md, signal);
  const found = await removeSuperblocks(md, signal);
  for (const device of new Set([...holdersOf(found), ...unfinished])) {
    await machine.run('wipefs', ['--all', '--force', '--quiet', device], { signal });
    await machine.rereadPartitions(device);
    log.info(`${device}: no RAID and no partitions any more`);
  }
  return found.map(({ name }) => name);
}

async function isOnlyForRaid({ run }: Machine, device: string): Promise<boolean> {
  const table = await readTable(run, device).catch(() => undefined);
  const kinds = (table?.partitions ?? []).map(kindOf);
  return kinds.includes('raid') && kinds.every((kind) => kind !== undefined);
}

async function createRaid(plan: RaidPlan, acting: Acting): Promise<ApplyRaidResult['volumes']> {
  const { machine, md, log, context } = acting;
  const former = await examineArrays(md);
  const kept = plan.arrays.map((array) => former.find((each) => isSame(array, each)));
  const states = await Promise.all(plan.disks.map((disk) => stateOf(disk, machine)));
  refuseOthers({ plan, states, former: former.filter((array) => !kept.includes(array)) });
  return sayingWhatIsLeft(md, async () => {
    for (const [index, disk] of plan.disks.entries()) if (states[index] === 'blank') await writeTable(plan, disk, acting);
    for (const [index, array] of plan.arrays.entries()) {
      note(context, `creating the RAID ${array.name}`);
      if (kept[index]) log.info(`the RAID ${array.name} is there already`);
      else await createArray(md, array, context.signal);
    }
    return describe(plan, acting);
  });
}

/** As the members themselves say, which is what a later boot finds. */
async function describe(plan: RaidPlan, { md, log, context }: Acting): Promise<ApplyRaidResult['volumes']> {
  const examined = await examineArrays(md);
  const volumes: ApplyRaidResult['volumes'] = [];
  for (const array of plan.arrays) {
    const found = examined.find((each) => isSame(array, each));
    if (!found) throw new Error(`the RAID ${array.name} was made, but its members do not say so`);
    const { disk, degraded, members } = await startArray(md, found, context.signal);
    if (degraded > 0) throw new Error(`the RAID ${array.name} lacks ${degraded} of its ${array.members.length} members`);
    log.info(`RAID ${array.level} ${array.name}: ${disk.device} of ${members.join(', ')}, ${disk.size_bytes} bytes`);
    if (array.name !== espVolume)
      volumes.push({ name: array.name, uuid: found.uuid, size_bytes: disk.size_bytes, members: found.members });
  }
  return volumes;
}

function isSame(planned: PlannedArray, found: RaidArray): boolean {
  return (
    planned.name === found.name &&
    planned.level === found.level &&
    [...planned.members].sort().join() === [...found.members].sort().join()
  );
}

type DiskState = 'blank' | 'planned' | { holds: string };

async function stateOf(disk: PlannedDisk, { run }: Machine): Promise<DiskState> {
  const report = await run('wipefs', ['--json', disk.device]);
  const { signatures = [] } = (report.trim() === '' ? {} : JSON.parse(report)) as { signatures?: { type: string }[] };
  const types = [...new Set(signatures.map(({ type }) => type))];
  if (types.length === 0) return 'blank';
  const table = await readTable(run, disk.device).catch(() => undefined);
  const sector = table?.sectorsize ?? 512;
  const found = (table?.partitions ?? []).map((each) => `${kindOf(each)} ${each.start * sector} ${each.size * sector}`);
  const wanted = disk.partitions.map(({ kind, startMib, sizeMib }) => `${kind} ${startMib * mebibyte} ${sizeMib * mebibyte}`);
  return found.join() === wanted.join() ? 'planned' : { holds: types.join(', ') };
}

function refuseOthers({ plan, states, former }: { plan: RaidPlan; states: DiskState[]; former: RaidArray[] }): void {
  const held = plan.disks.flatMap(({ device }, index) => {
    const state = states[index]!;
    return typeof state === 'object' ? [`${device} (${state.holds})`] : [];
  });
  const planned = plan.disks.map(({ device }) => device);
  const others = former.filter((array) => holdersOf([array]).some((disk) => planned.includes(disk)));
  const found = [...held, ...others.map(({ name, members }) => `the RAID ${name} on ${members.join(', ')}`)];
  if (found.length === 0) return;
  throw new Error(
    `the disks are not empty: ${found.join('; ')}. Delete it first: raid.delete_configuration, or deploy.erase_devices`,
  );
}

const mebibyte = 1024 ** 2;
/** With old signatures where the partitions begin removed: `sfdisk` does that when it writes the table. */
async function writeTable({ table }: RaidPlan, { device, partitions }: PlannedDisk, { machine, context }: Acting): Promise<void> {
  note(context, `writing the partition table of ${device}`);
  const lines = partitions.map(
    ({ kind, startMib, sizeMib }) => `start=${startMib}MiB, size=${sizeMib}MiB, type=${partitionTypes[kind].word}`,
  );
  const input = `${[`label: ${table}`, ...lines].join('\n')}\n`;
  await machine.run('sfdisk', ['--quiet', '--wipe', 'always', '--wipe-partitions', 'always', device], {
    input,
    signal: context.signal,
  });
}

function note(context: CommandContext, message: string): void {
  context.progress({ done_bytes: 0, total_bytes: 0, message });
}
