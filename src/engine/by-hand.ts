/**
 * Power that a person switches: the engine tells what is to be done, rests, and goes on at the person's word. A step that
 * rests so is run again from its start; what the person has done for it is in the operation's context, so that a step
 * which switches off and then on asks for each once.
 */
import { Fault } from '#domain/faults.ts';
import type { JsonObject, Node, Operation, PowerState } from '#domain/records.ts';
import type { NodeFacts, Outcome, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';

type Wait = Extract<Outcome, { wait: string }>;

/** Ends a run of a step, which then waits: `runStep` makes the outcome of it. */
export class WaitForPerson extends Error {
  override name = 'WaitForPerson';
  readonly outcome: Wait;

  constructor(outcome: Wait) {
    super(`waits for ${outcome.wait}`);
    this.outcome = outcome;
  }
}

/** In the operation's context under `by_hand`. */
type ByHand = {
  /** The step that asks. */
  step: string;
  /** How many changes the person has made for it. */
  done: number;
  /** What the person is asked for now; null = nothing. */
  asked: PowerState | null;
};

type HandParts = {
  store: Store;
  node: NodeFacts;
  operation: Operation;
  power: PowerInterface & { byHandSeconds: number };
  remember(change: (context: JsonObject) => JsonObject): Promise<void>;
};

/** What a person does for each command: a machine is reset by switching it off and on. */
const changesTable: Readonly<Record<PowerTarget, readonly PowerState[]>> = {
  'power on': ['power on'],
  'power off': ['power off'],
  'soft power off': ['power off'],
  reset: ['power off', 'power on'],
  'power cycle': ['power off', 'power on'],
};

export function isByHand(power: PowerInterface): power is PowerInterface & { byHandSeconds: number } {
  return power.byHandSeconds !== undefined;
}

export function handOf({ context }: Pick<Operation, 'context'>): ByHand | undefined {
  return context['by_hand'] as ByHand | undefined;
}

/** `task.power.set` of one run of one step. Throws `WaitForPerson` where something is still to be done. */
export function powerByHand(parts: HandParts): (target: PowerTarget) => Promise<void> {
  const { node, power } = parts;
  let position = 0;
  let state = node.power_state;
  return async (target) => {
    for (const wanted of changesTable[target]) {
      const { done } = currentHand(parts.operation);
      if (position++ < done) continue;
      state ??= await power.getPower(node);
      if (state !== wanted) throw await askPerson(parts, wanted);
      await parts.store.nodes.update({ uuid: node.uuid }, { power_state: wanted, target_power_state: null });
      await write(parts, { done: position, asked: null });
    }
  };
}

/** What a former step was given counts for nothing in this one. */
function currentHand(operation: Operation): ByHand {
  const former = handOf(operation);
  const step = operation.state === 'undoing' ? `undo ${operation.step}` : operation.step;
  return former?.step === step ? former : { step, done: 0, asked: null };
}

async function write(parts: HandParts, change: Partial<ByHand>): Promise<void> {
  const hand = { ...currentHand(parts.operation), ...change };
  await parts.remember((context) => ({ ...context, by_hand: hand }));
}

async function askPerson(parts: HandParts, wanted: PowerState): Promise<WaitForPerson> {
  const { store, node, operation, power } = parts;
  const wait = `a person to switch ${node.name ?? node.uuid} ${wanted === 'power on' ? 'on' : 'off'}, then confirm`;
  // A step that is run again asks for the same: that was told already.
  if (currentHand(operation).asked !== wanted) {
    await write(parts, { asked: wanted });
    await store.nodes.update({ uuid: node.uuid }, { target_power_state: wanted });
    store.events.append({
      kind: 'note',
      node_uuid: node.uuid,
      server_id: operation.server_id,
      operation_id: operation.id,
      subject: wanted,
      message: `waits for ${wait}: \`baremetal node passthru call ${node.name ?? node.uuid} confirm\``,
      data: { by_hand: wanted },
    });
  }
  return new WaitForPerson({ wait, seconds: power.byHandSeconds });
}

/**
 * The person's word: what the machine's power is now, or, left out, what was asked for. It is believed, since nothing
 * else can know. Throws `notOfThisHardware` where a BMC knows better, `badRequest` where nothing was asked for.
 * @returns the operation that may go on
 */
export async function confirmPower(
  store: Store,
  { node, power }: { node: Node; power: PowerInterface },
  said?: PowerState,
): Promise<string | null> {
  const name = node.name ?? node.uuid;
  if (!isByHand(power)) throw new Fault('notOfThisHardware', { node: name, driver: node.driver, what: 'power by hand' });
  const operation = node.operation_id ? await store.operations.find({ id: node.operation_id }) : undefined;
  const state = said ?? (operation && handOf(operation)?.asked);
  if (!state) throw new Fault('badRequest', { detail: `Nothing is asked for on node ${name}: say whether it is on or off.` });
  await store.transaction(async (inside) => {
    await inside.nodes.update({ uuid: node.uuid }, { power_state: state, updated_at: new Date().toISOString() });
    const vm_state = state === 'power on' ? 'active' : 'stopped';
    if (node.instance_uuid && !operation)
      await inside.servers.update({ id: node.instance_uuid, vm_state: ['active', 'stopped'], task_state: null }, { vm_state });
  });
  store.events.append({
    kind: 'power',
    node_uuid: node.uuid,
    server_id: node.instance_uuid,
    operation_id: operation?.id ?? null,
    subject: state,
    message: `is now ${state}, somebody says`,
    data: { before: node.power_state },
  });
  return operation?.id ?? null;
}

/** The end of a wait in which no word came. */
export function personSilent(wait: string, seconds: number): Fault {
  return new Fault('personSilent', { what: wait, seconds });
}
