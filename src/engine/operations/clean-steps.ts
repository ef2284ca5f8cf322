/**
 * Manual clean steps (`baremetal node clean --clean-steps`) that the BMC executes out of band, without a ramdisk; named
 * as in Ironic. Each becomes a step of the operation, so it is durable, has a timeout and is recorded.
 */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { pause } from '#async/timers.ts';
import { asFault, Fault, type FaultCode, passingBmcFaults } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { BiosSetting, Drivers, Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { recordBmcCommand } from '../power/power.ts';
import { interfaceOf } from '../worker/task.ts';

export type AskedStep = { interface: string; step: string; args?: JsonObject };
type Parts = { store: Store; drivers: Drivers; times?: CleanTimes };

/** In milliseconds. */
export type CleanTimes = {
  /** Poll interval for the progress of a BMC. */
  readonly look: number;
  /** How long a BMC may keep responding after a restart request. */
  readonly lastWords: number;
  /** How long to wait for a new version if Ingot restarted during a firmware update. */
  readonly flash: number;
};
const usualTimes: CleanTimes = { look: 10_000, lastWords: 10_000, flash: 900_000 };

/** Firmware applies settings during boot, which takes long on some machines. */
const bootSeconds = 1800;
/** Longer than the driver's own timeout. */
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

/** `deploy.erase_devices` is not in the table: it needs the ramdisk, and stands for a whole automatic cleaning. */
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

/** @throws Fault `badRequest` for unknown steps or invalid arguments; `unsupportedByHardware` */
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

/** The out-of-band steps. Names are unique, so that a restart finds the current step. */
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

/** Writes the settings, restarts the machine, then polls until the firmware has applied them. */
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

/** A BMC sends no notification when the firmware is done, so it is polled. */
async function untilApplied(parts: Parts, task: Task, changes: Readonly<Record<string, Json>>): ReturnType<Step['run']> {
  for (;;) {
    if (await areApplied(parts, task, changes)) return { next: true };
    task.signal.throwIfAborted();
    await pause(timesOf(parts).look, task.signal);
  }
}

/** Some services return numbers as strings, and strings as numbers. */
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
    // Many BMCs report no settings while the firmware starts.
    if (isAway(error)) return false;
    throw error;
  }
}

/** No BMC returns a password. */
function isApplied(setting: BiosSetting | undefined, value: Json): boolean {
  return setting !== undefined && (setting.type === 'Password' || formatValue(setting.value) === formatValue(value));
}

const awayCodes: readonly FaultCode[] = [...passingBmcFaults, 'bmcError'];

function isAway(error: unknown): boolean {
  return awayCodes.includes(asFault(error).code);
}

/**
 * Ends when the BMC responds again, because later steps need it. The request is recorded, so that it is not repeated if
 * Ingot crashes during the restart; it is repeated only if Ingot crashed before receiving the response.
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

/**
 * The versions installed before an update; in the operation's context as `flashing` until the update is known to be
 * over.
 */
type Flash = { step: string; versions: Record<string, string | null> };

/** While firmware may be being written, the power must stay on. */
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
 * Ingot stopped during or just before a firmware update: a changed version shows that it was done. The update is not
 * sent again, because it may still be running.
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
