/**
 * The steps `raid.create_configuration`, `raid.delete_configuration` and `raid.apply_configuration`. Out of band, each
 * request to the BMC is recorded before it is sent, and the BMC's task when it is accepted: a restart of Ingot follows the
 * same task, or finds the volume, and sends nothing twice.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { asFault, Fault, type FaultCode, passingBmcFaults } from '#domain/faults.ts';
import type { CurrentRaid } from '#domain/raid.ts';
import type {
  InBandRaid,
  Outcome,
  OutOfBandRaid,
  PlannedVolume,
  RaidProgress,
  RaidVolume,
  Step,
  Task,
} from '#drivers/interfaces.ts';
import { recordBmcCommand } from '../power/power.ts';
import { interfaceOf } from '../worker/task.ts';
import { type Parts, type StepPlace, timesOf } from './bmc-steps.ts';
import { next, powerOff } from './machine-steps.ts';
import type { RaidStep } from './raid-choice.ts';
import { recordRaid } from './raid-record.ts';

/** A controller may apply a change while the machine starts, which takes long on some machines. */
const changeSeconds = 3600;
/** How long a BMC may need to list what it reports as done. */
const listSeconds = 300;
/** In which a volume or a task of a request whose reply was lost appears at the BMC. */
const lostSeconds = 120;

const Planned = Type.Unsafe<PlannedVolume>(Type.Object({ at: Type.String(), drives: Type.Array(Type.String()) }));

/** What the steps keep for a restart of Ingot. */
export const RaidContext = Type.Object({
  /** What the step of the API with this place does; `made`: the ids of the volumes that it has made. */
  raid: Type.Object({
    index: Type.Number(),
    deletes: Type.Array(Type.String()),
    creates: Type.Array(Planned),
    made: Type.Array(Type.String()),
  }),
  /** The request at work; null: none. */
  raid_request: Type.Union([
    Type.Object({
      step: Type.String(),
      about: Type.String(),
      /** Ids of the volumes before it. */
      before: Type.Array(Type.String()),
      /** How often it was sent again. */
      repeats: Type.Optional(Type.Number()),
      /** Absent = the BMC has not accepted it yet, or its reply was lost. */
      task: Type.Optional(Type.Object({ id: Type.String(), request: Type.String() })),
      restart: Type.Optional(Type.Union([Type.Literal('due'), Type.Literal('done')])),
      /** The BMC reports success. */
      is_done: Type.Optional(Type.Boolean()),
    }),
    Type.Null(),
  ]),
});
type RaidContext = Static<typeof RaidContext>;
type Plan = RaidContext['raid'];
type Request = NonNullable<RaidContext['raid_request']>;
type StepTask = Task<RaidContext>;
type Result = Outcome<RaidContext>;

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

type At = { readonly parts: Parts; readonly bmc: OutOfBandRaid; readonly wanted: RaidStep };

function planStep({ parts, bmc, wanted }: At): Step<RaidContext> {
  return {
    ...{ name: 'plan the RAID', title: 'Choose the disks of the RAID', deadlineSeconds: 600, powerChanges: 0, keepsDisk: true },
    async run(task) {
      const index = task.operation.api_step?.index ?? 0;
      if (task.context.raid?.index === index) return next;
      const { deletes, creates } = wanted.change;
      const volumes = await bmc.readVolumes(task.node, task);
      const gone = deletes ? volumes.filter(({ raid_level }) => raid_level !== undefined).map(({ id }) => id) : [];
      const planned = creates.length > 0 ? await bmc.plan(task.node, { disks: creates, gone }, task) : [];
      if (wanted.target) await parts.store.nodes.update({ uuid: task.node.uuid }, { target_raid_config: wanted.target });
      for (const { raid_level, controller, drives } of planned)
        task.note('RAID', `RAID ${raid_level} at ${controller} of ${drives.length} disks: ${drives.join(', ')}`);
      return { next: true, context: { raid: { index, deletes: gone, creates: planned, made: [] }, raid_request: null } };
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
    async run(task) {
      const { deletes } = planOf(task);
      let request = requestOf(task);
      for (const id of deletes.slice(request ? deletes.indexOf(request.about) : 0)) {
        const outcome = await reach(at, task, { request, goal: deletionOf(at, task, id) });
        if (outcome) return outcome;
        request = undefined;
      }
      if ((await whileAway(() => record(at, task, []))) === 'away') return pollLater(at, 'the BMC to list its volumes');
      return { next: true, context: { raid_request: null } };
    },
  };
}

function createStep(at: At, index: number): Step<RaidContext> {
  const name = `create RAID volume ${index + 1}`;
  return {
    ...{ name, title: `Create the RAID volume ${index + 1}`, deadlineSeconds: changeSeconds, powerChanges: 2 },
    async run(task) {
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
    },
  };
}

/** The request at work in this step. */
function requestOf({ context, operation }: StepTask): Request | undefined {
  return context.raid_request?.step === operation.step ? context.raid_request : undefined;
}

type Goal = {
  readonly about: string;
  /** For messages: `the deletion of RAID volume 1`. */
  readonly what: string;
  /** The path of the request. */
  readonly at: string;
  /** It need not be requested if this is so from the start. */
  readonly mayBeThere: boolean;
  isReached(volumes: readonly RaidVolume[], before: readonly string[]): boolean;
  send(): Promise<RaidProgress | undefined>;
};

function deletionOf({ bmc }: At, task: StepTask, id: string): Goal {
  return {
    ...{ about: id, what: `the deletion of the RAID volume ${nameIn(id)}`, at: id, mayBeThere: true },
    isReached: (volumes) => !volumes.some((volume) => volume.id === id),
    send: () => bmc.remove(task.node, { id }, task),
  };
}

type Creation = { volume: PlannedVolume; about: string; known: readonly string[]; made: { id: string } };

function creationOf({ bmc }: At, task: StepTask, { volume, about, known, made }: Creation): Goal {
  return {
    ...{ about, what: `the creation of a RAID ${volume.raid_level} at ${volume.controller}`, at: volume.at, mayBeThere: false },
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

function nameIn(path: string): string {
  return path.split('/').filter(Boolean).at(-1) ?? path;
}

type Reaching = { readonly request: Request | undefined; readonly goal: Goal };

/** One run. @returns what to wait for; undefined: the goal is reached */
async function reach(at: At, task: StepTask, { request, goal }: Reaching): Promise<Result | undefined> {
  if (!request) {
    const volumes = await at.bmc.readVolumes(task.node, task);
    const before = volumes.map(({ id }) => id);
    if (goal.mayBeThere && goal.isReached(volumes, before)) return undefined;
    return send(at, task, { goal, request: { step: task.operation.step, about: goal.about, before } });
  }
  const restarted = await restartIfDue(task, request);
  if (restarted.is_done) return seeReached(at, task, { goal, request: restarted });
  if (!restarted.task) return findLost(at, task, { goal, request: restarted });
  const { task: begun } = restarted;
  const progress = await whileAway(() => at.bmc.poll(task.node, begun, task));
  if (progress === 'away') return pollLater(at, goal.what);
  return follow(at, task, { goal, request: restarted, progress });
}

type Asked = { readonly request: Request; readonly goal: Goal };

/** Recorded before it is sent. A reply that does not come leaves open whether the BMC has got the request. */
async function send(at: At, task: StepTask, { request, goal }: Asked): Promise<Result | undefined> {
  await task.saveContext({ raid_request: request });
  const { node, operation, signal } = task;
  let progress: RaidProgress | undefined;
  const sent = await whileAway(() =>
    recordBmcCommand({ store: at.parts.store, node, operation, signal }, goal.what, async () => {
      progress = await goal.send();
      return progress ? 'accepted' : 'ok';
    }),
  );
  if (sent === 'away') return pollLater(at, goal.what);
  return follow(at, task, { goal, request, progress });
}

type Followed = Asked & { readonly progress: RaidProgress | undefined };

async function follow(at: At, task: StepTask, { goal, request, progress }: Followed): Promise<Result | undefined> {
  if (!progress) {
    const done = { ...request, is_done: true };
    await task.saveContext({ raid_request: done });
    return seeReached(at, task, { goal, request: done });
  }
  const isDue = progress.needsRestart && request.restart === undefined;
  const followed: Request = { ...request, task: progress.task, ...(isDue && { restart: 'due' }) };
  if (!isDeepStrictEqual(followed, request)) await task.saveContext({ raid_request: followed });
  await restartIfDue(task, followed);
  return { wait: goal.what, againIn: progress.againIn, shows: 'wait' };
}

/** A restart of Ingot in between restarts the machine once more, which does no harm: it runs nothing. */
async function restartIfDue(task: StepTask, request: Request): Promise<Request> {
  if (request.restart !== 'due') return request;
  await task.power.set('power off');
  await task.power.set('power on');
  const done: Request = { ...request, restart: 'done' };
  await task.saveContext({ raid_request: done });
  task.power.forget();
  return done;
}

/** Ingot was ended, or the BMC was silent, when the request was sent. */
async function findLost(at: At, task: StepTask, { goal, request }: Asked): Promise<Result | undefined> {
  const { repeats = 0 } = request;
  // Anew for each: the reply of the next one may be lost as well.
  const elapsed = task.elapsed(`lost ${request.about} ${repeats}`);
  const volumes = await whileAway(() => at.bmc.readVolumes(task.node, task));
  if (volumes === 'away') return pollLater(at, goal.what);
  if (goal.isReached(volumes, request.before)) return undefined;
  const progress = await whileAway(() => at.bmc.find(task.node, { at: goal.at }, task));
  if (progress === 'away') return pollLater(at, goal.what);
  if (progress) return follow(at, task, { goal, request, progress });
  // Tests shorten the polls.
  if (elapsed < Math.min(lostSeconds, (timesOf(at.parts).poll * 12) / 1000)) return pollLater(at, goal.what);
  task.note('RAID', `the BMC knows nothing of ${goal.what}, whose reply was lost: it is requested again`);
  return send(at, task, { goal, request: { ...request, repeats: repeats + 1 } });
}

async function seeReached(at: At, task: StepTask, { goal, request }: Asked): Promise<Result | undefined> {
  const elapsed = task.elapsed(`list ${request.about}`);
  const volumes = await whileAway(() => at.bmc.readVolumes(task.node, task));
  if (volumes !== 'away' && goal.isReached(volumes, request.before)) return undefined;
  if (elapsed > listSeconds)
    throw new Fault('raidNotReached', { node: task.node.name ?? task.node.uuid, what: goal.what, seconds: listSeconds });
  return pollLater(at, goal.what);
}

function pollLater({ parts }: At, wait: string): Result {
  return { wait, againIn: timesOf(parts).poll / 1000, shows: 'wait' };
}

const awayCodes: readonly FaultCode[] = [...passingBmcFaults, 'bmcConnectionClosed'];

/** Many BMCs do not respond while their machine starts. */
async function whileAway<R>(ask: () => Promise<R>): Promise<R | 'away'> {
  try {
    return await ask();
  } catch (error) {
    if (awayCodes.includes(asFault(error).code)) return 'away';
    throw error;
  }
}

/** What is there now, also if a later step fails. `made`: the volumes of this step, in the order of the logical disks. */
async function record({ parts, bmc, wanted }: At, task: StepTask, made: readonly string[]): Promise<void> {
  const volumes = await bmc.readVolumes(task.node, task);
  const root = made[wanted.change.creates.findIndex(({ is_root_volume }) => is_root_volume)];
  const former = task.node.raid_config.logical_disks?.find(({ is_root_volume }) => is_root_volume);
  const isFormer = ({ id, controller }: RaidVolume) => former?.['id'] === nameIn(id) && former?.['controller'] === controller;
  const isRoot = (volume: RaidVolume) => (root === undefined ? isFormer(volume) : volume.id === root);
  await recordRaid(parts.store, task.node.uuid, currentOf(volumes, isRoot), { forgetsDisks: wanted.is_erased === true });
}

const gib = 1024 ** 3;

function currentOf(volumes: readonly RaidVolume[], isRoot: (volume: RaidVolume) => boolean): CurrentRaid {
  const logical_disks = volumes.flatMap((volume) => {
    const { id, name, controller, size_bytes, raid_level, root_device_hint } = volume;
    if (raid_level === undefined) return [];
    const root = isRoot(volume) && { is_root_volume: true, ...(root_device_hint && { root_device_hint }) };
    return [{ id: nameIn(id), name, controller, size_gb: Math.floor(size_bytes / gib), raid_level, ...root }];
  });
  return { logical_disks };
}
