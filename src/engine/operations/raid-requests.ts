/**
 * One request to a BMC that changes a RAID, followed to its end. It is recorded before it is sent, and the BMC's task when it
 * is accepted: a restart of Ingot follows the same task, or finds the volume, and sends nothing twice.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { asFault, Fault, type FaultCode, passingBmcFaults } from '#domain/faults.ts';
import type { Outcome, OutOfBandRaid, RaidProgress, RaidVolume, Task } from '#drivers/interfaces.ts';
import { recordBmcCommand } from '../power/power.ts';
import { type Parts, timesOf } from './bmc-steps.ts';

/** How long a BMC may need to list what it reports as done. */
const listSeconds = 300;
/** In which a volume or a task of a request whose reply was lost appears at the BMC. */
const lostSeconds = 120;
/** The same for a request whose effect shows when the machine starts. */
const startSeconds = 900;

/** What is kept for a restart of Ingot. */
export const RaidRequestContext = Type.Object({
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
type RaidRequestContext = Static<typeof RaidRequestContext>;
type Request = NonNullable<RaidRequestContext['raid_request']>;
/** Of a step that keeps more than this. */
type RequestTask = Task<RaidRequestContext>;
type Result = Outcome<RaidRequestContext>;

export type RaidAt = { readonly parts: Parts; readonly bmc: OutOfBandRaid };

export type Goal = {
  readonly about: string;
  /** For messages: `the deletion of RAID volume 1`. */
  readonly what: string;
  /** The path of the request, by the volumes that there are. */
  pathIn(volumes: readonly RaidVolume[]): string;
  /** It need not be requested if this is so from the start. */
  readonly mayBeThere: boolean;
  isReached(volumes: readonly RaidVolume[], before: readonly string[]): boolean;
  send(): Promise<RaidProgress | undefined>;
};

/** The request at work in this step. */
export function requestOf({ context, operation }: RequestTask): Request | undefined {
  return context.raid_request?.step === operation.step ? context.raid_request : undefined;
}

type Reaching = { readonly request: Request | undefined; readonly goal: Goal };

/** One run. @returns what to wait for; undefined: the goal is reached */
export async function reach(at: RaidAt, task: RequestTask, { request, goal }: Reaching): Promise<Result | undefined> {
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
async function send(at: RaidAt, task: RequestTask, { request, goal }: Asked): Promise<Result | undefined> {
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

async function follow(at: RaidAt, task: RequestTask, { goal, request, progress }: Followed): Promise<Result | undefined> {
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
async function restartIfDue(task: RequestTask, request: Request): Promise<Request> {
  if (request.restart !== 'due') return request;
  await task.power.set('power off');
  await task.power.set('power on');
  const done: Request = { ...request, restart: 'done' };
  await task.saveContext({ raid_request: done });
  task.power.forget();
  return done;
}

/** Ingot was ended, or the BMC was silent, when the request was sent. */
async function findLost(at: RaidAt, task: RequestTask, { goal, request }: Asked): Promise<Result | undefined> {
  const { repeats = 0 } = request;
  // Anew for each: the reply of the next one may be lost as well.
  const elapsed = task.elapsed(`lost ${request.about} ${repeats} ${request.restart ?? ''}`);
  const volumes = await whileAway(() => at.bmc.readVolumes(task.node, task));
  if (volumes === 'away') return pollLater(at, goal.what);
  if (goal.isReached(volumes, request.before)) return undefined;
  const path = goal.pathIn(volumes);
  const progress = await whileAway(() => at.bmc.find(task.node, { at: path }, task));
  if (progress === 'away') return pollLater(at, goal.what);
  if (progress) return follow(at, task, { goal, request, progress });
  // Tests shorten the polls.
  const seconds = Math.min(request.restart ? startSeconds : lostSeconds, (timesOf(at.parts).poll * 12) / 1000);
  if (elapsed < seconds) return pollLater(at, goal.what);
  const waits = request.restart ? false : await whileAway(() => appliesAtRestart(at, task, path));
  if (waits === 'away') return pollLater(at, goal.what);
  if (waits) return restartFirst(at, task, { goal, request });
  task.note('RAID', `the BMC knows nothing of ${goal.what}, whose reply was lost: it is requested again`);
  const { restart: _, ...former } = request;
  return send(at, task, { goal, request: { ...former, repeats: repeats + 1 } });
}

async function appliesAtRestart({ bmc }: RaidAt, { node, signal }: RequestTask, path: string): Promise<boolean> {
  return (await bmc.appliesAtRestart?.(node, { at: path }, { signal })) ?? false;
}

/** If the request has arrived, its effect shows only now, and a second one would have the same effect once more. */
async function restartFirst(at: RaidAt, task: RequestTask, { goal, request }: Asked): Promise<Result> {
  const due: Request = { ...request, restart: 'due' };
  await task.saveContext({ raid_request: due });
  await restartIfDue(task, due);
  return pollLater(at, goal.what);
}

async function seeReached(at: RaidAt, task: RequestTask, { goal, request }: Asked): Promise<Result | undefined> {
  const elapsed = task.elapsed(`list ${request.about}`);
  const volumes = await whileAway(() => at.bmc.readVolumes(task.node, task));
  if (volumes !== 'away' && goal.isReached(volumes, request.before)) return undefined;
  if (elapsed > listSeconds)
    throw new Fault('raidNotReached', { node: task.node.name ?? task.node.uuid, what: goal.what, seconds: listSeconds });
  return pollLater(at, goal.what);
}

export function pollLater({ parts }: RaidAt, wait: string): Result {
  return { wait, againIn: timesOf(parts).poll / 1000, shows: 'wait' };
}

const awayCodes: readonly FaultCode[] = [...passingBmcFaults, 'bmcConnectionClosed'];

/** Many BMCs do not respond while their machine starts. */
export async function whileAway<R>(ask: () => Promise<R>): Promise<R | 'away'> {
  try {
    return await ask();
  } catch (error) {
    if (awayCodes.includes(asFault(error).code)) return 'away';
    throw error;
  }
}
