/** Steps that change BIOS settings. The firmware applies them while the machine boots. */
import { type Static, Type } from 'typebox';
import type { Json } from '#domain/json.ts';
import { typedValue } from '#drivers/bios-values.ts';
import type { BiosSetting, Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import { interfaceOf } from '../worker/task.ts';
import { bmcStep, isAway, type Parts, type StepPlace, timesOf } from './bmc-steps.ts';
import { next, powerOff } from './machine-steps.ts';

/** Firmware applies settings during boot, which takes long on some machines. */
const bootSeconds = 1800;

export const BiosArgs = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 256 }),
      value: Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean(), Type.Null()]),
    }),
    { minItems: 1, maxItems: 5000 },
  ),
});

const restart: readonly Step[] = [
  simpleStep({ name: 'power off', title: 'Power off', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
    task.power.set('power off'),
  ),
  simpleStep({ name: 'power on', title: 'Power on', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
    task.power.set('power on'),
  ),
];

/** Writes the settings, restarts the machine, then polls until the firmware has applied them. */
export function applyBios(parts: Parts, { settings }: Static<typeof BiosArgs>, { use }: Pick<StepPlace, 'use'>): readonly Step[] {
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
        return { wait: 'the firmware to apply the settings', againIn: timesOf(parts).poll / 1000, shows: 'wait' };
      },
    },
    // A server on the machine is to run again; nothing is left to do for a machine without one.
    ...(use === 'clean' ? [{ ...powerOff, formerName: 'power off again' }] : []),
  ];
}

export function resetBios(parts: Parts): readonly Step[] {
  return [
    bmcStep(parts, { name: 'reset BIOS settings', title: 'Reset the BIOS settings', deadlineSeconds: 300 }, (task) =>
      biosOf(parts, task).factoryReset(task.node, task),
    ),
    ...restart,
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

/** No BMC returns a password. Clients write `"True"` for true. */
function isApplied(setting: BiosSetting | undefined, value: Json): boolean {
  if (!setting || setting.type === 'Password') return setting !== undefined;
  const [found, wanted] = [setting.value, value].map((each) => formatValue(typedValue(each, setting.type)));
  return found === wanted;
}

function biosOf({ drivers }: Parts, { node }: Pick<Task, 'node'>) {
  return interfaceOf(drivers.bios, node.bios_interface);
}
