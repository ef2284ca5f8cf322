/**
 * The power of child nodes, as in Ironic: a child is powered on after its parent, and powered off before it, unless its
 * `driver_info` says that it has a power supply of its own. Unlike Ironic, a parent is not powered off under a child with
 * an instance unless the setting `power.off_with_active_children` allows it, or the child is in maintenance.
 */
import { asFault, Fault } from '#domain/faults.ts';
import type { LockKind } from '#domain/lock-kinds.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { refuseWhileBusy } from '../nodes/busy-node.ts';
import type { NodeReservations } from '../nodes/node-reservations.ts';
import type { EngineSettings } from '../settings.ts';
import type { StepMemory } from '../worker/step-memory.ts';
import { leadsOff, refuseOff } from './never-off.ts';

type Relative = 'parent' | 'child';
type FamilySettings = Pick<EngineSettings, 'power.off_with_active_children'>;
type Parts = {
  readonly store: Store;
  readonly settings: FamilySettings;
  readonly reservations: NodeReservations;
  readonly memory: Pick<StepMemory, 'keep'>;
  readonly signal: AbortSignal;
  powerOf(node: Node): PowerInterface;
  load(uuid: string): Promise<{ node: Node; facts: NodeFacts }>;
  /** Changes the power of one of them, as a part of the running step. Throws `StepWait` while that takes time. */
  change(node: NodeFacts, power: PowerInterface, target: PowerTarget): Promise<void>;
};
/** The kinds of locks that keep the machine of a relative as it is, beside those that forbid all. */
const forbiddenBy: readonly LockKind[] = ['power'];
type Member = Pick<Node, 'uuid' | 'name' | 'parent_node' | 'driver_info'>;
/** An instance runs there, and nothing else does: what has begun an operation is busy. */
const activeStates: readonly Node['provision_state'][] = ['active', 'service failed'];

/** Called before the power of `node` is changed. The same calls are made in each run of the step. */
export async function changeFamily(parts: Parts, node: Member, target: PowerTarget): Promise<void> {
  if (target === 'power on' && node.parent_node && !hasOwnSupply(node))
    await changeRelative(parts, { of: node, relative: 'parent', uuid: node.parent_node }, target);
  if (!leadsOff(target)) return;
  const children = await dependentsOf(parts.store, node);
  if (children.length === 0 || (await wasOff(parts, node))) return;
  refuseActive(parts.settings, node, children);
  // As in Ironic, a shutdown does not switch them; they lose their power with it.
  if (target !== 'power off') return;
  for (const child of children) await refuseBusyChild(parts.store, node, child);
  for (const { uuid } of children) await changeRelative(parts, { of: node, relative: 'child', uuid }, target);
}

/** In the transaction that begins a power change, so that who asks learns it at once. @throws Fault `activeChildren` */
export async function refusePowerUnderChildren(
  trx: Store,
  settings: FamilySettings,
  { node, target }: { node: Pick<Node, 'uuid' | 'name' | 'power_state'>; target: string },
): Promise<void> {
  if (leadsOff(target) && node.power_state !== 'power off') refuseActive(settings, node, await dependentsOf(trx, node));
}

function refuseActive(settings: FamilySettings, { uuid, name }: Pick<Node, 'uuid' | 'name'>, children: readonly Node[]): void {
  if (settings['power.off_with_active_children']) return;
  const active = children.filter(
    ({ provision_state, power_state, maintenance }) =>
      activeStates.includes(provision_state) && power_state !== 'power off' && !maintenance,
  );
  if (active.length === 0) return;
  const shown = active.slice(0, mostNamed).map((child) => child.name ?? child.uuid);
  const others = active.length > shown.length ? ` and ${active.length - shown.length} more` : '';
  throw new Fault('activeChildren', { node: name ?? uuid, children: shown.join(', ') + others });
}

const mostNamed = 10;

/** Before the step began: then nothing is sent. A BMC that does not answer does not say so. */
async function wasOff({ memory, signal, load, powerOf }: Parts, { uuid }: Member): Promise<boolean> {
  const { node, facts } = await load(uuid);
  const state = await powerOf(node)
    .getPower(facts, { signal })
    .catch(() => undefined);
  signal.throwIfAborted();
  return memory.keep('off before', Number(state === 'power off')) === 1;
}

export function hasOwnSupply({ driver_info }: Pick<Node, 'driver_info'>): boolean {
  return /^(true|1|t|y|yes|on)$/i.test(String(driver_info['has_dedicated_power_supply'] ?? false));
}

/** The children that lose their power with the node. */
export async function dependentsOf(store: Store, { uuid }: Pick<Node, 'uuid'>): Promise<Node[]> {
  const children = await store.nodes.list({ parent_node: uuid }, { orderBy: 'id' });
  return children.filter((child) => !hasOwnSupply(child));
}

/** None is powered off if one cannot be. */
async function refuseBusyChild(store: Store, parent: Member, child: Node): Promise<void> {
  if (child.power_state === 'power off') return;
  refuseOff(child, 'power off');
  await refuseWhileBusy(store, child, forbiddenBy).catch((error: unknown) => {
    throw lockedFault(error, { of: parent, relative: 'child', uuid: child.uuid });
  });
}

type About = { of: Member; relative: Relative; uuid: string };

/** It is reserved while a command is sent; a machine that is in the wanted state is only asked. */
async function changeRelative(parts: Parts, about: About, target: PowerTarget): Promise<void> {
  const { node, facts } = await parts.load(about.uuid);
  const power = parts.powerOf(node);
  // It is switched by hand.
  if (power.operatorTimeoutSeconds !== undefined) return;
  const purpose = `${target} with ${about.relative === 'parent' ? 'child node' : 'parent node'} ${about.of.name ?? about.of.uuid}`;
  const reserving: PowerInterface = {
    ...power,
    setPower: (...command) =>
      parts.reservations
        .during({ uuid: about.uuid, purpose, takes: 'idle', forbiddenBy }, () => power.setPower(...command))
        .catch((error: unknown) => {
          throw lockedFault(error, about);
        }),
  };
  await parts.change(facts, reserving, target);
}

/** Ironic's `ParentNodeLocked` and `ChildNodeLocked`. */
function lockedFault(error: unknown, { of, relative, uuid }: About): unknown {
  if (asFault(error).code !== 'nodeBusy') return error;
  return new Fault('relativeBusy', { node: of.uuid, relative: `${relative}_node`, uuid });
}
