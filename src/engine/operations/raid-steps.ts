/**
 * The steps `raid.create_configuration`, `raid.delete_configuration` and `raid.apply_configuration`. Out of band, the plan is
 * kept before anything is changed, and each change is a request of its own (raid-requests.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { InBandRaid, Outcome, PlannedVolume, RaidVolume, Step, Task } from '#drivers/interfaces.ts';
import { interfaceOf } from '../worker/task.ts';
import type { Parts, StepPlace } from './bmc-steps.ts';
import { next, powerOff } from './machine-steps.ts';
import type { RaidStep } from './raid-choice.ts';
import { identityOf, VolumeIdentity, volumeOf } from './raid-identity.ts';
import { nameIn, recordRaid, recordVolumes } from './raid-record.ts';
import { type Goal, pollLater, type RaidAt, RaidRequestContext, reach, requestOf, whileAway } from './raid-requests.ts';

/** A controller may apply a change while the machine starts, which takes long on some machines. */
const changeSeconds = 3600;

const Planned = Type.Unsafe<PlannedVolume>(Type.Object({ at: Type.String(), drives: Type.Array(Type.String()) }));

/** What the steps keep for a restart of Ingot. */
export const RaidContext = Type.Object({
  /** What the step of the API with this place does; `made`: the ids of the volumes that it has made. */
  raid: Type.Object({
    index: Type.Number(),
    /** As rows of former versions have them, by their ids alone. */
    deletes: Type.Array(Type.Union([VolumeIdentity, Type.String()])),
    creates: Type.Array(Planned),
    made: Type.Array(Type.String()),
  }),
  ...RaidRequestContext.properties,
});
type RaidContext = Static<typeof RaidContext>;
type Plan = RaidContext['raid'];
type StepTask = Task<RaidContext>;

/** @throws Fault `unsupportedByHardware` */
export function raidSteps(parts: Parts, wanted: RaidStep, place: StepPlace): readonly Step<RaidContext>[] {
  const { outOfBand, inBand } = interfaceOf(parts.drivers.raid, wanted.interface);
  if (inBand) return [inBandStep(inBand, { parts, wanted, place })];
  if (!outOfBand) throw new Fault('internal', { detail: `the RAID interface ${wanted.interface} has no steps` });
  const at = { parts, bmc: outOfBand, wanted };
  return [
    planStep(at),
    ...(wanted.change.deletes ? [deleteStep(at)] : []),
    ...wanted.change.creates.map((_, index) => createStep(at, index)),
    // Nothing is left to do for a machine without a server; one with a server gets back the power it had.
    ...(place.use === 'clean' ? [powerOff] : []),
  ];
}

type InBandAt = { readonly parts: Parts; readonly wanted: RaidStep; readonly place: StepPlace };

/** The ramdisk has booted; `stepsOf` and the deployment see to that. */
function inBandStep(inBand: InBandRaid, { parts, wanted, place }: InBandAt): Step<RaidContext> {
  return {
    ...{ name: 'change the RAID', title: 'Change the software RAID', deadlineSeconds: changeSeconds, phase: 'image' },
    async run(task) {
      const current = await inBand.run(task as Task, wanted.change, `raid ${task.operation.step}`);
      if (!current) return { wait: 'the ramdisk to change the RAID' };
      await recordRaid(parts.store, task.node.uuid, current);
      if (place.use === 'clean' || current.logical_disks.length === 0) return next;
      task.note('RAID', current.logical_disks.map((disk) => `RAID ${disk.raid_level} ${disk['volume_name']}`).join(', '));
      return next;
    },
  };
}

type At = RaidAt & { readonly wanted: RaidStep };

function planStep({ parts, bmc, wanted }: At): Step<RaidContext> {
  return {
    ...{ name: 'plan the RAID', title: 'Choose the disks of the RAID', deadlineSeconds: 600, powerChanges: 0, keepsDisk: true },
    async run(task) {
      const index = task.operation.api_step?.index ?? 0;
      if (task.context.raid?.index === index) return next;
      const { deletes, creates } = wanted.change;
      const volumes = await bmc.readVolumes(task.node, task);
      const leaving = deletes ? volumes.filter(({ raid_level }) => raid_level !== undefined) : [];
      const gone = leaving.map(({ id }) => id);
      const planned = creates.length > 0 ? await bmc.plan(task.node, { disks: creates, gone }, task) : [];
      if (wanted.target) await parts.store.nodes.update({ uuid: task.node.uuid }, { target_raid_config: wanted.target });
      for (const { raid_level, controller, drives } of planned)
        task.note('RAID', `RAID ${raid_level} at ${controller} of ${drives.length} disks: ${drives.join(', ')}`);
      return {
        next: true,
        context: {
          raid: { index, deletes: leaving.map((each) => identityOf(each, volumes)), creates: planned, made: [] },
          raid_request: null,
        },
      };
    },
  };
}

function planOf({ context }: StepTask): Plan {
  if (!context.raid) throw new Fault('internal', { detail: 'the RAID was not planned' });
  return context.raid;
}

function deleteStep(at: At): Step<RaidContext> {
  return {
    ...{ name: 'delete RAID volumes', title: 'Delete the RAID volumes', deadlineSeconds: 2 * changeSeconds, powerChanges: 2 },
    run: (task) =>
      recordingFailure(at, task, async () => {
        const { deletes } = planOf(task);
        let request = requestOf(task);
        const order = deletes.map((each) => (typeof each === 'string' ? { id: each } : each));
        const begun = order.findIndex(({ id }) => id === request?.about);
        for (const one of order.slice(Math.max(begun, 0))) {
          const outcome = await reach(at, task, { request, goal: deletionOf(at, task, one) });
          if (outcome) return outcome;
          if ((await whileAway(() => record(at, task, []))) === 'away') return pollLater(at, 'the BMC to list its volumes');
          request = undefined;
        }
        return { next: true, context: { raid_request: null } };
      }),
  };
}

function createStep(at: At, index: number): Step<RaidContext> {
  const name = `create RAID volume ${index + 1}`;
  return {
    ...{ name, title: `Create the RAID volume ${index + 1}`, deadlineSeconds: changeSeconds, powerChanges: 2 },
    run: (task) =>
      recordingFailure(at, task, async () => {
        const plan = planOf(task);
        const volume = plan.creates[index];
        if (!volume) throw new Fault('internal', { detail: `there is no plan of the RAID volume ${index + 1}` });
        const made = { id: '' };
        const goal = creationOf(at, task, { volume, about: name, known: plan.made, made });
        const outcome = await reach(at, task, { request: requestOf(task), goal });
        if (outcome) return outcome;
        const all = [...plan.made.slice(0, index), made.id];
        if ((await whileAway(() => record(at, task, all))) === 'away') return pollLater(at, 'the BMC to list its volumes');
        return { next: true, context: { raid: { ...plan, made: all }, raid_request: null } };
      }),
  };
}

function deletionOf({ bmc }: At, task: StepTask, wanted: VolumeIdentity): Goal {
  const { id } = wanted;
  const pathIn = (volumes: readonly RaidVolume[]) => volumeOf(wanted, volumes)?.id;
  return {
    ...{ about: id, what: `the deletion of the RAID volume ${nameIn(id)}`, mayBeThere: true },
    pathIn: (volumes) => pathIn(volumes) ?? id,
    isReached: (volumes) => pathIn(volumes) === undefined,
    async send() {
      const path = pathIn(await bmc.readVolumes(task.node, task));
      return path === undefined ? undefined : bmc.remove(task.node, { id: path }, task);
    },
  };
}

type Creation = { volume: PlannedVolume; about: string; known: readonly string[]; made: { id: string } };

function creationOf({ bmc }: At, task: StepTask, { volume, about, known, made }: Creation): Goal {
  return {
    ...{ about, what: `the creation of a RAID ${volume.raid_level} at ${volume.controller}`, mayBeThere: false },
    pathIn: () => volume.at,
    isReached(volumes, before) {
      const added = volumes.filter(({ id }) => !before.includes(id) && !known.includes(id));
      const [found] = [...added.filter((one) => isSame(one, volume)), ...added];
      made.id = found?.id ?? '';
      return found !== undefined;
    },
    send: () => bmc.create(task.node, volume, task),
  };
}

function isSame({ name, drives }: RaidVolume, wanted: PlannedVolume): boolean {
  return wanted.name !== undefined ? name === wanted.name : isDeepStrictEqual(drives?.toSorted(), wanted.drives.toSorted());
}

/** What is there now, also if a later step fails. `made`: the volumes of this step, in the order of the logical disks. */
async function record({ parts, bmc, wanted }: At, task: StepTask, made: readonly string[]): Promise<void> {
  const volumes = await bmc.readVolumes(task.node, task);
  const root = made[wanted.change.creates.findIndex(({ is_root_volume }) => is_root_volume)];
  await recordVolumes(parts.store, { task, volumes, root, forgetsDisks: wanted.is_erased === true });
}

/** A change that failed may have been made in part, or with a volume that was not asked for. */
async function recordingFailure(at: At, task: StepTask, run: () => Promise<Outcome<RaidContext>>): Promise<Outcome<RaidContext>> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Fault && !task.signal.aborted)
      await record(at, task, task.context.raid?.made ?? []).catch((second: unknown) => {
        if (!(second instanceof Fault)) throw second;
      });
    throw error;
  }
}
