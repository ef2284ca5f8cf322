/**
 * Cleaning steps of an operator's own choice (`baremetal node clean --clean-steps`): Ironic's names for what the BMC does
 * by itself, without a ramdisk. Each is a step of the operation, so it is durable, bounded and told like any other.
 */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { asFault, Fault, type FaultCode, passingBmcFaults } from '#domain/faults.ts';
import type { Json, JsonObject, Node, Operation } from '#domain/records.ts';
import type { BiosSetting, Drivers, Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import { pause, recordBmcCommand } from './power.ts';
import { interfaceOf } from './task.ts';

export type AskedStep = { interface: string; step: string; args?: JsonObject };
type Parts = { store: Store; drivers: Drivers; times?: CleanTimes };

/** Milliseconds. */
export type CleanTimes = {
  /** Between looks at what a BMC does by itself. */
  readonly look: number;
  /** A BMC that was told to restart answers on for so long. */
  readonly lastWords: number;
  /** How long another version is waited for where Ingot was restarted while firmware was written. */
  readonly flash: number;
};
const usualTimes: CleanTimes = { look: 10_000, lastWords: 10_000, flash: 900_000 };

/** Firmware applies settings while it starts; some machines take long for that. */
const bootSeconds = 1800;
/** Longer than a driver waits. */
const flashSeconds = 3900;

const AskedSteps = Type.Array(
  Type.Object({
    interface: Type.String(),
    step: Type.String(),
    args: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    priority: Type.Optional(Type.Unknown()),
  }),
  { maxItems: 100 },
);
const BiosArgs = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 256 }),
      value: Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean(), Type.Null()]),
    }),
    { minItems: 1, maxItems: 5000 },
  ),
});
const FirmwareArgs = Type.Object({
  settings: Type.Array(
    Type.Object({
      component: Type.Optional(Type.String({ maxLength: 256 })),
      url: Type.String({ pattern: '^[a-z]+://[!-~]+$', maxLength: 2048 }),
      wait: Type.Optional(Type.Number()),
    }),
    { minItems: 1, maxItems: 100 },
  ),
});
const NoArgs = Type.Object({}, { additionalProperties: false });

type Row = {
  readonly args: typeof BiosArgs | typeof FirmwareArgs | typeof NoArgs;
  readonly steps: (parts: Parts, args: JsonObject) => readonly Step[];
};

/** `deploy.erase_devices` is no row: it needs the ramdisk, and stands for the whole of an automatic cleaning. */
const eraseStep = 'deploy.erase_devices';

const stepTable: Readonly<Record<string, Row>> = {
  'bios.apply_configuration': { args: BiosArgs, steps: applyBios },
  'bios.factory_reset': {
    args: NoArgs,
    steps: (parts) => [
      bmcStep(parts, { name: 'reset BIOS settings', title: 'Reset the BIOS settings', deadlineSeconds: 300 }, (task) =>
        biosOf(parts, task).factoryReset(task.node, task),
      ),
      ...restart,
    ],
  },
  'firmware.update': { args: FirmwareArgs, steps: updateFirmware },
  'management.reset_bmc': {
    args: NoArgs,
    steps: (parts) => [
      bmcStep(parts, { name: 'restart the BMC', title: 'Restart the BMC', deadlineSeconds: 600 }, (task) =>
        restartBmc(parts, task),
      ),
    ],
  },
  'management.clear_log': {
    args: NoArgs,
    steps: (parts) => [
      bmcStep(parts, { name: 'clear the BMC log', title: "Clear the BMC's log", deadlineSeconds: 300 }, async (task) => {
        await managementOf(parts, task).clearLog?.(task.node, task);
      }),
    ],
  },
};

/** @throws Fault `badRequest` for steps that do not exist, or not with these arguments; `unsupportedByHardware` */
export function readCleanSteps(drivers: Drivers, node: Node, asked: unknown): AskedStep[] {
  if (!Value.Check(AskedSteps, asked)) {
    throw new Fault('badRequest', { detail: 'clean_steps must be a list of {"interface": …, "step": …, "args": {…}}.' });
  }
  for (const { interface: slot, step, args = {} } of asked) {
    const name = `${slot}.${step}`;
    const row = Object.hasOwn(stepTable, name) ? stepTable[name] : undefined;
    if (!row && name !== eraseStep) {
      const known = [eraseStep, ...Object.keys(stepTable)].join(', ');
      throw new Fault('badRequest', { detail: `There is no clean step '${name}'; there are: ${known}.` });
    }
    const shape = row?.args ?? NoArgs;
    if (!Value.Check(shape, args)) {
      const [error] = Value.Errors(shape, args);
      throw new Fault('badRequest', {
        detail: `args of clean step '${name}': ${error?.instancePath || 'they'} ${error?.message}.`,
      });
    }
    refuseMissing(drivers, node, slot, step);
  }
  return asked as AskedStep[];
}

export function isErase({ interface: slot, step }: AskedStep): boolean {
  return `${slot}.${step}` === eraseStep;
}

/** Steps that the BMC does by itself; each name stands once, so that a restart finds its place again. */
export function outOfBandSteps(parts: Parts, asked: readonly AskedStep[]): readonly Step[] {
  const made = asked.flatMap(({ interface: slot, step, args = {} }) => stepTable[`${slot}.${step}`]?.steps(parts, args) ?? []);
  return made.map((step, index) => ({ ...step, name: `${index + 1}: ${step.name}` }));
}

function refuseMissing(drivers: Drivers, node: Node, slot: string, step: string): void {
  const lacksIt = (what: string) =>
    new Fault('unsupportedByHardware', { node: node.name ?? node.uuid, driver: node.driver, what });
  if (slot === 'bios' && node.bios_interface === 'no-bios') throw lacksIt('BIOS settings');
  if (slot === 'firmware' && node.firmware_interface === 'no-firmware') throw lacksIt('firmware update');
  if (slot !== 'management') return;
  const management = interfaceOf(drivers.management, node.management_interface);
  if (step === 'reset_bmc' && !management.resetBmc) throw lacksIt('restarting the BMC');
  if (step === 'clear_log' && !management.clearLog) throw lacksIt('clearing the log');
}

const restart: readonly Step[] = [
  simpleStep({ name: 'power off', title: 'Power off', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
    task.power.set('power off'),
  ),
  simpleStep({ name: 'power on', title: 'Power on', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
    task.power.set('power on'),
  ),
];

/** Written, then restarted, then read until the firmware has taken them over. */
function applyBios(parts: Parts, args: JsonObject): readonly Step[] {
  const settings = args['settings'] as { name: string; value: Json }[];
  const changes = Object.fromEntries(settings.map(({ name, value }) => [name, value]));
  return [
    bmcStep(parts, { name: 'write BIOS settings', title: 'Write the BIOS settings', deadlineSeconds: 300 }, (task) =>
      biosOf(parts, task).applySettings(task.node, changes, task),
    ),
    ...restart,
    {
      name: 'see BIOS settings applied',
      title: 'See the BIOS settings applied',
      deadlineSeconds: bootSeconds,
      run: (task) => untilApplied(parts, task, changes),
    },
    simpleStep({ name: 'power off again', title: 'Power off', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
      task.power.set('power off'),
    ),
  ];
}

/** A BMC tells nobody when the firmware is through, so it is asked now and then. */
async function untilApplied(parts: Parts, task: Task, changes: Readonly<Record<string, Json>>): ReturnType<Step['run']> {
  for (;;) {
    if (await areApplied(parts, task, changes)) return { next: true };
    task.signal.throwIfAborted();
    await pause(timesOf(parts).look, task.signal);
  }
}

/** Services give numbers as texts, and texts as numbers. */
function formatValue(value: Json | undefined): string | undefined {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function areApplied(parts: Parts, task: Task, changes: Readonly<Record<string, Json>>): Promise<boolean> {
  try {
    const settings = await biosOf(parts, task).readSettings(task.node, task);
    return Object.entries(changes).every(([name, value]) =>
      isApplied(
        settings.find((setting) => setting.name === name),
        value,
      ),
    );
  } catch (error) {
    // While the firmware starts, many BMCs have no settings to show.
    if (isAway(error)) return false;
    throw error;
  }
}

/** No BMC shows a password. */
function isApplied(setting: BiosSetting | undefined, value: Json): boolean {
  return setting !== undefined && (setting.type === 'Password' || formatValue(setting.value) === formatValue(value));
}

const awayCodes: readonly FaultCode[] = [...passingBmcFaults, 'bmcError'];

function isAway(error: unknown): boolean {
  return awayCodes.includes(asFault(error).code);
}

/**
 * Ends when it answers again: what follows needs it. That it was told is noted, so that a crash of Ingot while it
 * starts does not make it start anew; told twice is it only where Ingot died before it heard the answer.
 */
async function restartBmc(parts: Parts, task: Task): Promise<void> {
  const management = managementOf(parts, task);
  const { node, signal, operation } = task;
  const { lastWords, look } = timesOf(parts);
  if (operation.context['restarted'] !== operation.step) {
    await management.resetBmc?.(node, 'cold', { signal });
    await task.saveContext({ restarted: operation.step });
  }
  await pause(lastWords, signal);
  for (;;) {
    try {
      await management.getBootDevice(node, { signal });
      return;
    } catch (error) {
      if (!passingBmcFaults.includes(asFault(error).code)) return;
    }
    await pause(look, signal);
  }
}

/** What is installed when an update is sent; in the operation's context under `flashing` until it is known to be over. */
type Flash = { step: string; versions: Record<string, string | null> };

/** Whoever may be writing firmware must not lose its power. */
export function isFlashing({ context }: Pick<Operation, 'context'>): boolean {
  return Boolean(context['flashing']);
}

function updateFirmware(parts: Parts, args: JsonObject): readonly Step[] {
  const settings = args['settings'] as { component?: string; url: string }[];
  return settings.map(({ component, url }): Step => {
    const what = component ? `firmware of ${component}` : 'firmware';
    const step = { name: `update ${what}`, title: `Update the ${what}`, deadlineSeconds: flashSeconds };
    const update = { ...(component && { component }), url };
    const send = bmcStep(parts, step, (task) => firmwareOf(parts, task).update(task.node, update, task));
    return {
      ...step,
      async run(task) {
        const former = task.operation.context['flashing'] as Flash | null | undefined;
        if (former?.step === task.operation.step) {
          await seeFlashed(parts, task, { what, former, component });
        } else {
          await task.saveContext({ flashing: { step: task.operation.step, versions: await readVersions(parts, task) } });
          await send.run(task);
        }
        return { next: true, context: { flashing: null } };
      },
    };
  });
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
 * Ingot ended while the firmware was written, or just before: another version tells that it was. It is not sent again,
 * since it may still be under way.
 */
async function seeFlashed(parts: Parts, task: Task, { what, former, component }: Interrupted): Promise<void> {
  const { look, flash } = timesOf(parts);
  const names = component ? [component] : Object.keys(former.versions);
  for (const end = performance.now() + flash; performance.now() < end; await pause(look, task.signal)) {
    const versions = await readVersions(parts, task).catch((error: unknown) => {
      if (isAway(error)) return former.versions;
      throw error;
    });
    const changed = names.find((name) => versions[name] !== former.versions[name]);
    if (changed === undefined) continue;
    task.note('firmware', `Ingot was restarted during the update; ${changed} is now ${versions[changed]}`);
    return;
  }
  const kept = component ? ` (${former.versions[component] ?? 'unknown'})` : '';
  throw new Fault('interrupted', {
    what: `The update of the ${what}`,
    why: `Ingot was restarted; the version is unchanged${kept}. The update was not sent again: check the BMC, then clean again`,
  });
}

function bmcStep({ store }: Parts, step: Omit<Step, 'run'>, act: (task: Task) => Promise<void>): Step {
  return simpleStep(step, (task) =>
    recordBmcCommand({ store, node: task.node, operation: task.operation, signal: task.signal }, step.name, () => act(task)),
  );
}

function timesOf({ times = usualTimes }: Parts): CleanTimes {
  return times;
}

function firmwareOf({ drivers }: Parts, { node }: Task) {
  return interfaceOf(drivers.firmware, node.firmware_interface);
}

function biosOf({ drivers }: Parts, { node }: Task) {
  return interfaceOf(drivers.bios, node.bios_interface);
}

function managementOf({ drivers }: Parts, { node }: Task) {
  return interfaceOf(drivers.management, node.management_interface);
}
