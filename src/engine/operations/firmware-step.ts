/**
 * The clean step `firmware.update`: the BMC installs an image. The update is recorded before it is sent, and the BMC's
 * task when it is accepted, so that the step polls the same task after a restart of Ingot. A second record, which outlives
 * the operation, keeps the machine from being switched until the update has ended (power/firmware-updates.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { asFault, Fault, type FaultCode } from '#domain/faults.ts';
import type { FirmwareProgress, FirmwareTask, FirmwareUpdate, Outcome, Step, Task } from '#drivers/interfaces.ts';
import { endUpdates, recordTask, recordUpdate, type UpdateKey } from '../power/firmware-updates.ts';
import { recordBmcCommand } from '../power/power.ts';
import { fits } from '../worker/base-context.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { interfaceOf } from '../worker/task.ts';
import { unendedIds } from '../worker/unended-rows.ts';
import { isAway, timesOf } from './bmc-steps.ts';

type Parts = Pick<OperationParts, 'store' | 'drivers' | 'cleanTimes' | 'settings'>;

/** Longer than the driver's own timeout, which begins again after a restart of Ingot, as this one does. */
const flashSeconds = 3900;

export const FirmwareArgs = Type.Object({
  settings: Type.Array(
    Type.Object({
      component: Type.Optional(Type.String({ maxLength: 256 })),
      url: Type.String({ pattern: '^[a-z]+://[!-~]+$', maxLength: 2048 }),
      wait: Type.Optional(Type.Number()),
    }),
    { minItems: 1, maxItems: 100 },
  ),
});
/** What the step keeps for a restart of Ingot. */
export const FirmwareContext = Type.Object({
  /** The step that updates firmware, and the versions before it; null once the update is known to be over. */
  flashing: Type.Union([
    Type.Object({
      step: Type.String(),
      versions: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
      /** The update is also recorded for what switches the machine; former versions did not do that. */
      is_recorded: Type.Optional(Type.Literal(true)),
      /** What the BMC is working at; absent = it has not accepted the update yet, or its answer was lost. */
      task: Type.Optional(
        Type.Object({
          id: Type.String(),
          request: Type.String(),
          isRestarting: Type.Optional(Type.Boolean()),
        }),
      ),
    }),
    Type.Null(),
  ]),
});
type FirmwareContext = Static<typeof FirmwareContext>;
type Flash = NonNullable<FirmwareContext['flashing']>;
type FlashTask = Flash & { task: FirmwareTask };
type FlashStep = Step<FirmwareContext>;
type StepTask = Task<FirmwareContext>;

/** With these faults the BMC has not accepted the update. */
const refusals: readonly FaultCode[] = [
  ...(['badRequest', 'conflict', 'driverInfo', 'unsupportedByHardware', 'bmcUnsupported'] as const),
  ...(['bmcRefused', 'bmcUntrusted', 'bmcInsufficientPrivilege', 'bmcError'] as const),
];

export function updateFirmware(parts: Parts, { settings }: Static<typeof FirmwareArgs>): readonly FlashStep[] {
  return settings.map(({ component, url }): FlashStep => {
    const what = component ? `firmware of ${component}` : 'firmware';
    const step = { name: `update ${what}`, title: `Update the ${what}`, deadlineSeconds: flashSeconds };
    const wanted = { what, component, url, update: { ...(component && { component }), url } };
    return {
      ...step,
      async run(task) {
        const former = task.context.flashing;
        if (former?.step !== task.operation.step) return startUpdate(parts, task, { ...wanted, subject: step.name });
        if (former.task) return pollUpdate(parts, task, { ...wanted, flash: { ...former, task: former.task } });
        if (await isFlashed(parts, task, { what, former, component })) return ended(parts, task, 'another version');
        return { wait: `another version of the ${what}`, againIn: timesOf(parts).poll / 1000, shows: 'wait' };
      },
    };
  });
}

function keyOf({ node, operation }: StepTask, component = ''): UpdateKey {
  return { node_uuid: node.uuid, component, operation_id: operation.id };
}

/** All of the operation: it sends one after the other. */
function end({ store }: Parts, { node, operation }: StepTask, why: string): Promise<boolean> {
  return endUpdates(store, { node_uuid: node.uuid, operation_id: operation.id }, why);
}

async function ended(parts: Parts, task: StepTask, why: string) {
  await end(parts, task, why);
  return { next: true, context: { flashing: null } } as const;
}

type Wanted = { what: string; component: string | undefined; url: string; update: FirmwareUpdate };

/** Recorded before it is sent, so that it is not sent again; the BMC's task, so that a restart of Ingot finds it. */
async function startUpdate(parts: Parts, task: StepTask, wanted: Wanted & { subject: string }) {
  const { component = '', update, subject } = wanted;
  const { node, operation, signal } = task;
  await task.power.awaitFirmware({ component });
  const versions = await readVersions(parts, task);
  await recordUpdate(parts.store, parts.settings, { ...keyOf(task, component), versions, url: wanted.url });
  const flash: Flash = { step: operation.step, versions, is_recorded: true };
  await task.saveContext({ flashing: flash });
  let progress: FirmwareProgress | undefined;
  try {
    await recordBmcCommand({ store: parts.store, node, operation, signal }, subject, async () => {
      progress = await firmwareOf(parts, task).startUpdate(node, update, { signal });
      return progress ? 'accepted' : 'ok';
    });
  } catch (error) {
    if (refusals.includes(asFault(error).code)) await end(parts, task, 'it was refused');
    throw error;
  }
  return followed(parts, task, { ...wanted, flash, progress });
}

async function pollUpdate(parts: Parts, task: StepTask, wanted: Wanted & { flash: FlashTask }) {
  const { update, flash } = wanted;
  const { versions, task: begun } = flash;
  const started = { update, versions, task: begun, elapsed: task.elapsed(updateClock) };
  const progress = await firmwareOf(parts, task).pollUpdate(task.node, started, { signal: task.signal });
  if (progress && 'failed' in progress) {
    await end(parts, task, 'the BMC reports that it has failed');
    throw progress.failed;
  }
  return followed(parts, task, { ...wanted, progress });
}

const updateClock = 'the update';

type Followed = Wanted & { flash: Flash; progress: FirmwareProgress | undefined };

async function followed(
  parts: Parts,
  task: StepTask,
  { what, component, flash, progress }: Followed,
): Promise<Outcome<FirmwareContext>> {
  if (!progress) return ended(parts, task, 'the BMC reports its end');
  task.elapsed(updateClock);
  if (!isDeepStrictEqual(flash.task, progress.task)) {
    await recordTask(parts.store, keyOf(task, component), progress.task);
    await task.saveContext({ flashing: { ...flash, task: progress.task } });
  }
  return { wait: `the update of the ${what}`, againIn: progress.againIn, shows: 'wait' };
}

async function readVersions(parts: Parts, task: Task): Promise<Flash['versions']> {
  try {
    const components = await firmwareOf(parts, task).readComponents(task.node, task);
    return Object.fromEntries(components.map(({ component, version }) => [component, version]));
  } catch (error) {
    if (asFault(error).code === 'unsupportedByHardware') return {};
    throw error;
  }
}

type Interrupted = { what: string; former: Flash; component: string | undefined };

/**
 * Ingot stopped while it sent a firmware update, or the row is of a version that kept no task: a changed version shows
 * that it was done. The update is not sent again, because it may still be running.
 * @throws Fault `interrupted` if the version stays the same for long
 */
async function isFlashed(parts: Parts, task: StepTask, { what, former, component }: Interrupted): Promise<boolean> {
  const names = component ? [component] : Object.keys(former.versions);
  const elapsed = task.elapsed('another version');
  const versions = await readVersions(parts, task).catch((error: unknown) => {
    if (isAway(error)) return former.versions;
    throw error;
  });
  const changed = names.find((name) => versions[name] !== former.versions[name]);
  if (changed !== undefined) {
    task.note('firmware', `Ingot was restarted during the update; ${changed} is now ${versions[changed]}`);
    return true;
  }
  if (elapsed * 1000 < timesOf(parts).flash) return false;
  const kept = component ? ` (${former.versions[component] ?? 'unknown'})` : '';
  throw new Fault('interrupted', {
    what: `The update of the ${what}`,
    why: `Ingot was restarted; the version is unchanged${kept}. The update was not sent again: check the BMC, then request the step again`,
  });
}

/** Before operations go on: updates that a former version has sent, which has not recorded them for others. */
export async function recordFormerUpdates({ store, settings }: Pick<Parts, 'store' | 'settings'>): Promise<void> {
  for (const id of await unendedIds(store)) {
    const operation = await store.operations.find({ id }).catch((error: unknown) => {
      if (store.hasFailed(error)) throw error;
      // A row that cannot be read; the worker ends it.
      return undefined;
    });
    const { flashing } = operation && fits(Type.Partial(FirmwareContext), operation.context) ? operation.context : {};
    if (!operation || !flashing || flashing.is_recorded) continue;
    const key = { node_uuid: operation.node_uuid, component: '', operation_id: id };
    await recordUpdate(store, settings, { ...key, versions: flashing.versions, url: '' });
    if (flashing.task) await recordTask(store, key, flashing.task);
  }
}

function firmwareOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.firmware, node.firmware_interface);
}
