/**
 * Manual power: the engine records which power change an operator must make, waits, and continues on confirmation. A
 * step that waits runs again from its start. Confirmed changes are kept in the operation's context, so that a step that
 * switches off and then on asks for each change once.
 */
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { releaseHeld } from '../servers/held-addresses.ts';
import { serverOn } from '../servers/server-on-node.ts';
import { type BaseContext, contextOf, type RunningOperation } from '../worker/base-context.ts';
import { longestWaitSeconds, StepWait } from '../worker/step-wait.ts';

type ManualPower = NonNullable<BaseContext['manual_power']>;

type ManualPowerParts = {
  store: Store;
  node: NodeFacts;
  operation: RunningOperation;
  power: PowerInterface & { operatorTimeoutSeconds: number };
  saveContext(change: (context: BaseContext) => BaseContext): Promise<void>;
  awaitFirmware(target: PowerTarget): Promise<void>;
};

/** The manual changes for each command: a reset is power off, then power on. */
const changesTable: Readonly<Record<PowerTarget, readonly PowerState[]>> = {
  'power on': ['power on'],
  'power off': ['power off'],
  'soft power off': ['power off'],
  reset: ['power off', 'power on'],
  'power cycle': ['power off', 'power on'],
};

export function isManual(power: PowerInterface): power is PowerInterface & { operatorTimeoutSeconds: number } {
  return power.operatorTimeoutSeconds !== undefined;
}

export function manualPowerOf({ context }: { context: BaseContext }): ManualPower | undefined {
  return context.manual_power;
}

/** `task.power.set` for one run of one step. Throws `StepWait` while a change is unconfirmed. */
export function manualPower(parts: ManualPowerParts): (target: PowerTarget) => Promise<void> {
  const { node, power } = parts;
  let position = 0;
  let state = node.power_state;
  return async (target) => {
    for (const wanted of changesTable[target]) {
      const { done } = currentManualPower(parts.operation);
      if (position++ < done) continue;
      state ??= await power.getPower(node);
      if (state !== wanted) {
        await parts.awaitFirmware(wanted);
        throw await askOperator(parts, wanted);
      }
      await parts.store.nodes.update({ uuid: node.uuid }, { power_state: wanted, target_power_state: null });
      if (wanted === 'power off') await releaseHeld(parts.store, { node_uuid: node.uuid }, 'the machine is powered off');
      await write(parts, { done: position, asked: null });
    }
  };
}

/** Confirmations of an earlier step do not count. */
function currentManualPower(operation: RunningOperation): ManualPower {
  const former = manualPowerOf(operation);
  const step = operation.state === 'rolling_back' ? `undo ${operation.step}` : operation.step;
  return former?.step === step ? former : { step, done: 0, asked: null };
}

async function write(parts: ManualPowerParts, change: Partial<ManualPower>): Promise<void> {
  const hand = { ...currentManualPower(parts.operation), ...change };
  await parts.saveContext((context) => ({ ...context, manual_power: hand }));
}

async function askOperator(parts: ManualPowerParts, wanted: PowerState): Promise<StepWait> {
  const { store, node, operation, power } = parts;
  const wait = `an operator to switch ${node.name ?? node.uuid} ${wanted === 'power on' ? 'on' : 'off'} and confirm`;
  // A step that runs again requests the same change, which is already recorded.
  if (currentManualPower(operation).asked !== wanted) {
    await write(parts, { asked: wanted });
    await store.nodes.update({ uuid: node.uuid }, { target_power_state: wanted });
    store.events.append({
      kind: 'note',
      node_uuid: node.uuid,
      server_id: operation.server_id,
      operation_id: operation.id,
      subject: wanted,
      message: `waiting for ${wait}: \`baremetal node passthru call ${node.name ?? node.uuid} confirm\``,
      data: { manual_power: wanted },
    });
  }
  return new StepWait({ wait, seconds: Math.min(power.operatorTimeoutSeconds, longestWaitSeconds) });
}

/**
 * Handles the operator's confirmation: the current power state, or, if omitted, the requested one. It is trusted,
 * because there is no other source. Throws `unsupportedByHardware` if the node has a BMC, and `badRequest` if no change
 * was requested.
 * @returns the operation that may continue
 */
export async function confirmPower(
  store: Store,
  { node, power }: { node: Node; power: PowerInterface },
  said?: PowerState,
): Promise<string | null> {
  const name = node.name ?? node.uuid;
  if (!isManual(power))
    throw new Fault('unsupportedByHardware', { node: name, driver: node.driver, what: 'manual power confirmation' });
  const operation = node.operation_id ? await store.operations.find({ id: node.operation_id }) : undefined;
  const state = said ?? (operation && manualPowerOf({ context: contextOf(operation) })?.asked);
  if (!state) throw new Fault('badRequest', { detail: `No confirmation is pending on node ${name}: set state to on or off.` });
  const server_id = await store.transaction(async (trx) => {
    await trx.nodes.update({ uuid: node.uuid }, { power_state: state, updated_at: new Date().toISOString() });
    if (state === 'power off') await releaseHeld(trx, { node_uuid: node.uuid }, 'an operator says that the machine is off');
    const vm_state = state === 'power on' ? 'active' : 'stopped';
    const server = await serverOn(trx, node);
    if (server && !operation)
      await trx.servers.update({ id: server.id, vm_state: ['active', 'stopped'], task_state: null }, { vm_state });
    return server?.id ?? null;
  });
  store.events.append({
    kind: 'power',
    node_uuid: node.uuid,
    server_id,
    operation_id: operation?.id ?? null,
    subject: state,
    message: `is now ${state}, as confirmed by an operator`,
    data: { before: node.power_state },
  });
  return operation?.id ?? null;
}

/** The fault of a wait that was not confirmed in time. */
export function operatorTimeout(wait: string, seconds: number): Fault {
  return new Fault('operatorTimeout', { what: wait, seconds });
}
