/**
 * Manual clean steps (`baremetal node clean --clean-steps`) that the BMC executes out of band, without a ramdisk; named
 * as in Ironic. Each becomes a step of the operation, so it is durable, has a timeout and is recorded.
 */
import { type Static, type TObject, Type } from 'typebox';
import { Value } from 'typebox/value';
import { asFault, Fault, passingBmcFaults } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { BiosSetting, Drivers, Outcome, Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Node } from '#store/tables/nodes.ts';
import { recordBmcCommand } from '../power/power.ts';
import type { BaseContext } from '../worker/base-context.ts';
import { interfaceOf } from '../worker/task.ts';
import { bmcStep, isAway, type Parts, timesOf } from './bmc-steps.ts';
import { FirmwareArgs, FirmwareContext, updateFirmware } from './firmware-step.ts';
import { next, powerOff } from './machine-steps.ts';

/** Firmware applies settings during boot, which takes long on some machines. */
const bootSeconds = 1800;

const Args = Type.Unsafe<JsonObject>(Type.Object({}));
export const AskedSteps = Type.Array(
  Type.Object({
    interface: Type.String(),
    step: Type.String(),
    args: Type.Optional(Args),
    priority: Type.Optional(Type.Unsafe<Json>(Type.Unknown())),
  }),
  { maxItems: 100 },
);
export type AskedStep = Static<typeof AskedSteps>[number];

/** What the out-of-band steps keep for a restart of Ingot. */
export const CleanContext = Type.Object({
  /** The step that has told the BMC to restart. */
  restarted: Type.String(),
  ...FirmwareContext.properties,
});
type CleanContext = Static<typeof CleanContext>;
type CleanStep = Step<CleanContext>;
type CleanTask = Task<CleanContext>;
type CleanOutcome = Outcome<CleanContext>;
const BiosArgs = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 256 }),
      value: Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean(), Type.Null()]),
    }),
    { minItems: 1, maxItems: 5000 },
  ),
});
const NoArgs = Type.Object({}, { additionalProperties: false });

/** A row of the table: the schema of the step's arguments, and the steps of the operation. */
type Row = {
  readonly args: TObject;
  /** The arguments have been checked. */
  readonly steps: (parts: Parts, args: JsonObject) => readonly Step[];
};

function row<A extends TObject>(args: A, steps: (parts: Parts, given: Static<A>) => readonly Step[]): Row {
  return {
    args,
    steps(parts, given) {
      if (!Value.Check(args, given)) throw new Fault('internal', { detail: 'the arguments of a clean step have changed' });
      return steps(parts, given);
    },
  };
}

/** `deploy.erase_devices` is not in the table: it needs the ramdisk, and stands for a whole automatic cleaning. */
const eraseStep = 'deploy.erase_devices';

const stepTable: Readonly<Record<string, Row>> = {
  'bios.apply_configuration': row(BiosArgs, applyBios),
  'bios.factory_reset': row(NoArgs, (parts) => [
    bmcStep(parts, { name: 'reset BIOS settings', title: 'Reset the BIOS settings', deadlineSeconds: 300 }, (task) =>
      biosOf(parts, task).factoryReset(task.node, task),
    ),
    ...restart,
  ]),
  'firmware.update': row(FirmwareArgs, updateFirmware),
  'management.reset_bmc': row(NoArgs, (parts): readonly CleanStep[] => [
    {
      name: 'restart the BMC',
      title: 'Restart the BMC',
      deadlineSeconds: 600,
      run: (task) => restartBmc(parts, task),
    },
  ]),
  'management.clear_log': row(NoArgs, (parts) => [
    bmcStep(parts, { name: 'clear the BMC log', title: "Clear the BMC's log", deadlineSeconds: 300 }, async (task) => {
      await managementOf(parts, task).clearLog?.(task.node, task);
    }),
  ]),
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
  return asked;
}

export function isErase({ interface: slot, step }: AskedStep): boolean {
  return `${slot}.${step}` === eraseStep;
}

/** The out-of-band steps, numbered, so that a reader of the timeline sees how many are left. */
export function outOfBandSteps(parts: Parts, asked: readonly AskedStep[]): readonly Step[] {
  const made = asked.flatMap(({ interface: slot, step, args = {} }) => stepTable[`${slot}.${step}`]?.steps(parts, args) ?? []);
  return made.map(({ formerName, ...step }, index) => ({
    ...step,
    name: `${index + 1}: ${step.name}`,
    ...(formerName && { formerName: `${index + 1}: ${formerName}` }),
  }));
}

function refuseMissing(drivers: Drivers, node: Node, slot: string, step: string): void {
  const lacksIt = (what: string) =>
    new Fault('unsupportedByHardware', { node: node.name ?? node.uuid, driver: node.driver, what });
  if (slot === 'bios' && interfaceOf(drivers.bios, node.bios_interface).unsupported) throw lacksIt('BIOS settings');
  if (slot === 'firmware' && interfaceOf(drivers.firmware, node.firmware_interface).unsupported) throw lacksIt('firmware update');
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
function applyBios(parts: Parts, { settings }: Static<typeof BiosArgs>): readonly Step[] {
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
      // A BMC sends no notification when the firmware is done, so it is polled.
      async run(task) {
        if (await areApplied(parts, task, changes)) return next;
        return { wait: 'the firmware to apply the settings', againIn: timesOf(parts).poll / 1000 };
      },
    },
    { ...powerOff, formerName: 'power off again' },
  ];
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

/**
 * Ends when the BMC responds again, because later steps need it. The request is recorded, so that it is not repeated if
 * Ingot crashes during the restart; it is repeated only if Ingot crashed before receiving the response.
 */
async function restartBmc(parts: Parts, task: CleanTask): Promise<CleanOutcome> {
  const management = managementOf(parts, task);
  const { node, signal, operation } = task;
  const { lastWords, poll } = timesOf(parts);
  if (task.context.restarted !== operation.step) {
    await recordBmcCommand({ store: parts.store, node, operation, signal }, 'restart the BMC', async () =>
      management.resetBmc?.(node, 'cold', { signal }),
    );
    await task.saveContext({ restarted: operation.step });
  }
  const left = lastWords / 1000 - task.elapsed('the restart');
  if (left > 0) return { wait: 'the BMC to restart', againIn: left };
  try {
    await management.getBootDevice(node, { signal });
  } catch (error) {
    if (passingBmcFaults.includes(asFault(error).code))
      return { wait: 'the BMC to answer after its restart', againIn: poll / 1000 };
  }
  return next;
}

/** While firmware may be being written, the power must stay on. An incomplete context does not rule that out. */
export function isFlashing({ flashing, is_incomplete }: Partial<CleanContext> & BaseContext): boolean {
  return Boolean(flashing) || is_incomplete === true;
}

function biosOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.bios, node.bios_interface);
}

function managementOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.management, node.management_interface);
}
