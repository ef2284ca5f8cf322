/**
 * The steps of nodes that clients of Ironic's API name (`interface.step`), for all operations that execute them. Each
 * becomes a few steps of the operation, so it is durable, has a timeout and is recorded.
 */
import { type Static, type TObject, Type } from 'typebox';
import { Value } from 'typebox/value';
import { eraseName } from '#domain/automatic-steps.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Drivers, Step } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { interfaceOf } from '../worker/task.ts';
import { applyBios, BiosArgs, resetBios } from './bios-steps.ts';
import type { StepPlace, StepUse } from './bmc-steps.ts';
import { onChildren } from './child-nodes.ts';
import { eraseSteps, ramdiskSteps } from './erase-steps.ts';
import { FirmwareArgs, FirmwareContext, updateFirmware } from './firmware-step.ts';
import { FlowContext, holdStep, powerStep, WaitArgs, waitStep } from './flow-steps.ts';
import { clearLog, RestartContext, resetBmc } from './management-steps.ts';
import { ApplyArgs, CreateArgs, DeleteArgs, RaidStep, raidOf } from './raid-choice.ts';
import { RaidContext, raidSteps } from './raid-steps.ts';

/** A step as it is kept in the request of an operation, with its priority as Ironic shows it. */
export const NodeStep = Type.Object({
  interface: Type.String(),
  step: Type.String(),
  args: Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}))),
  priority: Type.Optional(Type.Number()),
  /** Of a step of the interface `raid`: what it is to do. */
  raid: Type.Optional(RaidStep),
  /** UUIDs of the child nodes on which it is executed, in place of the node. */
  children: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
});
export type NodeStep = Static<typeof NodeStep>;
export const NodeSteps = Type.Array(NodeStep, { maxItems: 500 });

/** What the steps keep for a restart of Ingot. */
export const StepContext = Type.Object({
  ...RestartContext.properties,
  ...FirmwareContext.properties,
  ...FlowContext.properties,
  ...RaidContext.properties,
});

type StepRow = {
  readonly uses: readonly StepUse[];
  /** The schema of its arguments. */
  readonly args: TObject;
  /** An agent on the machine executes it. */
  readonly needsRamdisk?: true;
  /** It restarts the machine, or switches it off. */
  readonly restarts?: true;
  /** It changes what disks there are: how, depends on the node's RAID interface. */
  readonly changesDisks?: true;
  /** It may be ended at any time. */
  readonly abortable?: true;
  /** What the node's hardware lacks for it; undefined: nothing. */
  readonly lacks?: (
    drivers: Drivers,
    node: Pick<Node, 'bios_interface' | 'firmware_interface' | 'management_interface' | 'raid_interface'>,
  ) => string | undefined;
  /** The arguments have been checked. */
  readonly steps: (parts: OperationParts, args: JsonObject, place: StepPlace, raid?: RaidStep) => readonly Step[];
};

type Made<A extends TObject> = (parts: OperationParts, given: Static<A>, place: StepPlace) => readonly Step[];

function row<A extends TObject>(about: Omit<StepRow, 'args' | 'steps'> & { args: A }, made: Made<A>): StepRow {
  return {
    ...about,
    steps(parts, given, place) {
      if (!Value.Check(about.args, given)) throw new Fault('internal', { detail: 'the arguments of a step have changed' });
      return made(parts, given, place);
    },
  };
}

const NoArgs = Type.Object({}, { additionalProperties: false });
const everywhere = ['clean', 'deploy', 'service'] as const;

const lacksBios: StepRow['lacks'] = (drivers, { bios_interface }) =>
  interfaceOf(drivers.bios, bios_interface).unsupported && 'BIOS settings';
const lacksFirmware: StepRow['lacks'] = (drivers, { firmware_interface }) =>
  interfaceOf(drivers.firmware, firmware_interface).unsupported && 'firmware update';
const lacksManaging =
  (method: 'resetBmc' | 'clearLog', what: string): StepRow['lacks'] =>
  (drivers, { management_interface }) =>
    interfaceOf(drivers.management, management_interface)[method] ? undefined : what;

const lacksRaid: StepRow['lacks'] = (drivers, node) => (raidOf(drivers, node)?.unsupported ? 'RAID' : undefined);

function raidRow(uses: readonly StepUse[], args: TObject): StepRow {
  return {
    ...{ uses, args, changesDisks: true, lacks: lacksRaid },
    steps(parts, _given, place, raid) {
      if (!raid) throw new Fault('internal', { detail: 'a RAID step does not say what it is to do' });
      return raidSteps(parts, raid, place);
    },
  };
}

export const stepTable: Readonly<Record<string, StepRow>> = {
  [eraseName]: row({ uses: ['clean'], args: NoArgs, needsRamdisk: true, abortable: true }, (parts, _, { boot_interface }) =>
    eraseSteps(parts, boot_interface),
  ),
  'bios.apply_configuration': row({ uses: everywhere, args: BiosArgs, restarts: true, lacks: lacksBios }, applyBios),
  'bios.factory_reset': row({ uses: everywhere, args: NoArgs, restarts: true, lacks: lacksBios }, resetBios),
  'firmware.update': row({ uses: everywhere, args: FirmwareArgs, restarts: true, lacks: lacksFirmware }, updateFirmware),
  'management.reset_bmc': row(
    { uses: everywhere, args: NoArgs, lacks: lacksManaging('resetBmc', 'restarting the BMC') },
    resetBmc,
  ),
  'management.clear_log': row({ uses: everywhere, args: NoArgs, lacks: lacksManaging('clearLog', 'clearing the log') }, clearLog),
  'raid.create_configuration': raidRow(['clean'], CreateArgs),
  'raid.delete_configuration': raidRow(everywhere, DeleteArgs),
  'raid.apply_configuration': raidRow(['deploy', 'service'], ApplyArgs),
};

/** Of every interface. */
const reservedTable: Readonly<Record<string, StepRow>> = {
  hold: row({ uses: everywhere, args: NoArgs, abortable: true }, (parts) => [holdStep(parts)]),
  wait: row({ uses: everywhere, args: WaitArgs, abortable: true }, (parts, args) => [waitStep(parts, args)]),
  power_on: row({ uses: everywhere, args: NoArgs, restarts: true }, () => [powerStep('power on', 'power on')]),
  power_off: row({ uses: everywhere, args: NoArgs, restarts: true }, () => [powerStep('power off', 'power off')]),
  reboot: row({ uses: everywhere, args: NoArgs, restarts: true }, () => [powerStep('reboot', 'reset')]),
};

export function nameOf({ interface: slot, step }: Pick<NodeStep, 'interface' | 'step'>): string {
  return `${slot}.${step}`;
}

export function rowOf(step: Pick<NodeStep, 'interface' | 'step'>): StepRow | undefined {
  const find = (table: Readonly<Record<string, StepRow>>, name: string) => (Object.hasOwn(table, name) ? table[name] : undefined);
  return find(reservedTable, step.step) ?? find(stepTable, nameOf(step));
}

export function isReserved({ step }: Pick<NodeStep, 'step'>): boolean {
  return Object.hasOwn(reservedTable, step);
}

/** It changes what disks the machine has. */
export function changesDisks(step: NodeStep): boolean {
  return rowOf(step)?.changesDisks === true;
}

export function isErase(step: NodeStep): boolean {
  return nameOf(step) === eraseName;
}

/**
 * Steps that need no ramdisk are numbered, so that a reader of the timeline sees how many are left, and so that a list
 * may name a step twice.
 */
export function stepsOf(parts: OperationParts, asked: readonly NodeStep[], place: StepPlace): readonly Step[] {
  let count = 0;
  const byAgent = asked.map((each) => place.use === 'clean' && isByAgent(parts.drivers, each));
  const [first, last] = [byAgent.indexOf(true), byAgent.lastIndexOf(true)];
  const { before, after } = first < 0 ? { before: [], after: [] } : ramdiskSteps(parts, place.boot_interface);
  return asked.flatMap((each, index) => {
    const row = rowOf(each);
    if (!row) throw new Fault('internal', { detail: `there is no step ${nameOf(each)}` });
    const { interface: slot, step, priority = 0, children } = each;
    const api = { index, interface: slot, step, priority, abortable: row.abortable === true };
    if (children) return onChildren(parts, { ...each, children }, place.use).map((made) => ({ ...numbered(made, ++count), api }));
    const own = row
      .steps(parts, each.args ?? {}, place, each.raid)
      .map((made) => ({ ...(row.needsRamdisk ? made : numbered(made, ++count)), api }));
    const around = (steps: readonly Step[]) => steps.map((made) => ({ ...made, api: { ...api, abortable: true } }));
    return [...(index === first ? around(before) : []), ...own, ...(index === last ? around(after) : [])];
  });
}

/** The agent in the ramdisk executes it. */
export function isByAgent({ raid }: Pick<Drivers, 'raid'>, step: NodeStep): boolean {
  return isErase(step) || (step.raid !== undefined && interfaceOf(raid, step.raid.interface).inBand !== undefined);
}

function numbered<C>({ formerName, ...step }: Step<C>, number: number): Step<C> {
  return { ...step, name: `${number}: ${step.name}`, ...(formerName && { formerName: `${number}: ${formerName}` }) };
}
