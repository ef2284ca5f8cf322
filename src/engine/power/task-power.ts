/** `task.power.set`: how a step changes the power of its machine. */
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { NodeReservations } from '../nodes/node-reservations.ts';
import type { EngineSettings } from '../settings.ts';
import type { BaseContext, RunningOperation } from '../worker/base-context.ts';
import type { StepMemory } from '../worker/step-memory.ts';
import { changeFamily } from './family-power.ts';
import { isManual, manualPower } from './manual-power.ts';
import { setWithoutOff } from './never-off.ts';
import { changePower } from './power.ts';

export type TaskPower = {
  readonly store: Store;
  readonly settings: EngineSettings;
  readonly reservations: NodeReservations;
  readonly node: Node;
  readonly facts: NodeFacts;
  readonly signal: AbortSignal;
  readonly memory: StepMemory;
  /** With its current context. */
  operation(): RunningOperation;
  saveContext(change: (context: BaseContext) => BaseContext): Promise<void>;
  reportWait(wait: string): void;
  note(subject: string, message: string): void;
  beforeStart(): Promise<void>;
  /** Throws `StepWait` while firmware of the machine may be being written. */
  awaitFirmware(node: NodeFacts, target: PowerTarget): Promise<void>;
  powerOf(node: Node): PowerInterface;
  gracePeriodSeconds(node: Pick<Node, 'uuid'>): number;
  load(uuid: string): Promise<{ node: Node; facts: NodeFacts }>;
};

type How = { readonly alone?: boolean };
type Setter = (target: PowerTarget, how?: How) => Promise<void>;

/** The interface is resolved at first use: a step without power changes does not fail on an unknown one. */
export function powerSetter(parts: TaskPower): Setter {
  let set: Setter | undefined;
  return (target, how) => {
    set ??= makeSetter(parts, parts.powerOf(parts.node));
    return set(target, how);
  };
}

function makeSetter(parts: TaskPower, power: PowerInterface): Setter {
  const { node, facts } = parts;
  const own = ownSetter(parts, power);
  const changeOther = (other: NodeFacts, otherPower: PowerInterface, target: PowerTarget) =>
    change(parts, { node: other, power: otherPower }, target);
  const family = { ...parts, change: changeOther };
  const set: Setter = async (target, { alone = false } = {}) => {
    if (!alone) await changeFamily(family, node, target);
    await own(target);
  };
  if (!node.disable_power_off) return set;
  const owe = async (owes_restart: boolean) => {
    if (owes_restart) parts.note('power off', 'not powered off, as its disable_power_off says; it is restarted instead');
    await parts.saveContext((context) => ({ ...context, owes_restart }));
  };
  const isOwed = () => parts.operation().context.owes_restart === true;
  return (target) => setWithoutOff({ node: facts, power, set, isOwed, owe }, target);
}

function ownSetter(parts: TaskPower, power: PowerInterface): Setter {
  const { store, facts: node, saveContext } = parts;
  const awaitFirmware = (target: PowerTarget) => parts.awaitFirmware(node, target);
  if (isManual(power)) return manualPower({ store, operation: parts.operation(), power, node, saveContext, awaitFirmware });
  return (target) => change(parts, { node, power, beforeStart: parts.beforeStart }, target);
}

type Machine = { node: NodeFacts; power: PowerInterface; beforeStart?: () => Promise<void> };

function change(parts: TaskPower, machine: Machine, target: PowerTarget): Promise<void> {
  const { store, settings, signal, memory, reportWait } = parts;
  const gracePeriodSeconds = parts.gracePeriodSeconds(machine.node);
  return changePower(
    {
      ...{ ...machine, store, settings, signal, memory, reportWait, gracePeriodSeconds, operation: parts.operation() },
      awaitFirmware: (command) => parts.awaitFirmware(machine.node, command),
    },
    target,
  );
}
