/**
 * The clean step `firmware.update`: the BMC installs an image. The update is recorded before it is sent, and the BMC's
 * task when it is accepted, so that the step polls the same task after a restart of Ingot.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { asFault, Fault } from '#domain/faults.ts';
import type { FirmwareProgress, FirmwareTask, FirmwareUpdate, Outcome, Step, Task } from '#drivers/interfaces.ts';
import { recordBmcCommand } from '../power/power.ts';
import { interfaceOf } from '../worker/task.ts';
import { isAway, type Parts, timesOf } from './bmc-steps.ts';

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

export function updateFirmware(parts: Parts, { settings }: Static<typeof FirmwareArgs>): readonly FlashStep[] {
  return settings.map(({ component, url }): FlashStep => {
    const what = component ? `firmware of ${component}` : 'firmware';
    const step = { name: `update ${what}`, title: `Update the ${what}`, deadlineSeconds: flashSeconds };
    const wanted = { what, component, update: { ...(component && { component }), url } };
    return {
      ...step,
      async run(task) {
        const former = task.context.flashing;
        if (former?.step !== task.operation.step) return startUpdate(parts, task, { ...wanted, subject: step.name });
        if (former.task) return pollUpdate(parts, task, { ...wanted, flash: { ...former, task: former.task } });
        if (await isFlashed(parts, task, { what, former, component })) return flashed;
        return { wait: `another version of the ${what}`, againIn: timesOf(parts).poll / 1000, shows: 'wait' };
      },
    };
  });
}

const flashed = { next: true, context: { flashing: null } } as const;

type Wanted = { what: string; component: string | undefined; update: FirmwareUpdate };

/** Recorded before it is sent, so that it is not sent again; the BMC's task, so that a restart of Ingot finds it. */
async function startUpdate(parts: Parts, task: StepTask, { what, update, subject }: Wanted & { subject: string }) {
  const { node, operation, signal } = task;
  const flashing: Flash = { step: operation.step, versions: await readVersions(parts, task) };
  await task.saveContext({ flashing });
  let progress: FirmwareProgress | undefined;
  await recordBmcCommand({ store: parts.store, node, operation, signal }, subject, async () => {
    progress = await firmwareOf(parts, task).startUpdate(node, update, { signal });
    return progress ? 'accepted' : 'ok';
  });
  return followed(task, what, { flash: flashing, progress });
}

async function pollUpdate(parts: Parts, task: StepTask, { what, update, flash }: Wanted & { flash: FlashTask }) {
  const { versions, task: begun } = flash;
  const started = { update, versions, task: begun, elapsed: task.elapsed(updateClock) };
  const progress = await firmwareOf(parts, task).pollUpdate(task.node, started, { signal: task.signal });
  return followed(task, what, { flash, progress });
}

const updateClock = 'the update';

async function followed(
  task: StepTask,
  what: string,
  { flash, progress }: { flash: Flash; progress: FirmwareProgress | undefined },
): Promise<Outcome<FirmwareContext>> {
  if (!progress) return flashed;
  task.elapsed(updateClock);
  if (!isDeepStrictEqual(flash.task, progress.task)) await task.saveContext({ flashing: { ...flash, task: progress.task } });
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

function firmwareOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.firmware, node.firmware_interface);
}
