/** What a PATCH may change of a node in which state: the rules of Ironic's `update_node`, in its words. */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#domain/faults.ts';
import { interfaceFields } from '#domain/interface-kinds.ts';
import type { ProvisionState } from '#domain/provision-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { NodeChanges } from '../contract.ts';
import { removeAllocation } from './allocations.ts';

/** In these, what describes the machine may change; in others only in maintenance. */
const changeable: readonly ProvisionState[] = ['enroll', 'inspecting', 'inspect wait', 'manageable', 'available'];
/** Failed states keep their target, and can be changed. */
const settled: readonly string[] = [
  ...['deploy failed', 'inspecting', 'inspect failed', 'inspect wait', 'clean failed', 'error', 'verifying', 'adopt failed'],
  ...['rescue failed', 'unrescue failed', 'service', 'service hold', 'service failed'],
];
const protectable: readonly string[] = ['active', 'rescue'];

/** @throws Fault `conflict` while an operation is on its way to another state */
export function refuseInTransition({ name, uuid, provision_state, target_provision_state }: Node): void {
  if (target_provision_state === null || settled.includes(provision_state)) return;
  throw conflict(`Node ${name ?? uuid} can not be updated while a state transition is in progress.`);
}

/** Throws `conflict` or `badRequest`. @returns what the changes bring with them */
export async function checkChanges(trx: Store, node: Node, wanted: NodeChanges): Promise<Partial<Node>> {
  const changes = changedOnly(node, wanted);
  refuseInterfaces(node, changes);
  refuseResourceClass(node, changes);
  refuseDriverOfConsole(node, changes);
  await checkOwner(trx, node, changes);
  await releaseAllocation(trx, node, changes);
  return { ...reasonOf(node, changes, 'protected'), ...reasonOf(node, changes, 'retired') };
}

function changedOnly(node: Node, wanted: NodeChanges): NodeChanges {
  const isChanged = ([name, value]: [string, unknown]) => !isDeepStrictEqual(value, node[name as keyof Node]);
  return Object.fromEntries(Object.entries(wanted).filter(isChanged));
}

function refuseInterfaces({ uuid, provision_state, maintenance }: Node, changes: NodeChanges): void {
  const field = interfaceFields.find((name) => changes[name] !== undefined);
  if (field === undefined || maintenance || changeable.includes(provision_state)) return;
  const allowed = `allowed (${changeable.join(', ')}) states or in maintenance mode`;
  throw conflict(
    `Node ${uuid} can not have ${field} updated unless it is in one of ${allowed}. Current state is '${provision_state}'.`,
  );
}

/** Clients of the former class would count the node twice. */
function refuseResourceClass({ uuid, resource_class, provision_state }: Node, changes: NodeChanges): void {
  if (changes.resource_class === undefined || !resource_class || changeable.includes(provision_state)) return;
  const allowed = `allowed (${changeable.join(', ')}) states`;
  throw conflict(
    `Node ${uuid} can not have resource_class updated unless it is in one of ${allowed}. Current state is '${provision_state}'.`,
  );
}

function refuseDriverOfConsole({ name, uuid, console_enabled }: Node, { driver }: NodeChanges): void {
  if (driver === undefined || !console_enabled) return;
  const advice = 'Please stop the console first.';
  throw conflict(`Node ${name ?? uuid} can not update the driver while the console is enabled. ${advice}`);
}

/** An allocation was made from the nodes of its owner. */
async function checkOwner(trx: Store, { uuid, allocation_uuid }: Node, { owner }: NodeChanges): Promise<void> {
  if (owner === undefined || allocation_uuid === null) return;
  const allocation = await trx.allocations.find({ uuid: allocation_uuid });
  if (!allocation?.owner) return;
  throw conflict(`Cannot update owner of node "${uuid}" while it is allocated to an allocation with an owner.`);
}

async function releaseAllocation(trx: Store, node: Node, { instance_uuid }: NodeChanges): Promise<void> {
  const { uuid, allocation_uuid, maintenance, provision_state } = node;
  if (instance_uuid !== null || allocation_uuid === null) return;
  if (!maintenance && !changeable.includes(provision_state)) {
    const allowed = `allowed (${changeable.join(', ')}) states or in maintenance mode`;
    throw conflict(
      `Node ${uuid} with an allocation can not have instance_uuid removed unless it is in one of ${allowed}. Current state is '${provision_state}'.`,
    );
  }
  await removeAllocation(trx, uuid);
}

/** The reason of a flag goes with it. */
function reasonOf(node: Node, changes: NodeChanges, flag: 'protected' | 'retired'): Partial<Node> {
  const reason = `${flag}_reason` as const;
  if (changes[flag] === false) return { [reason]: null };
  if (changes[flag] === true) (flag === 'protected' ? refuseProtection : refuseRetirement)(node);
  if (changes[reason] && !(changes[flag] ?? node[flag]))
    throw new Fault('badRequest', { detail: `The ${reason} field can only be set when ${flag} is True` });
  return {};
}

function refuseProtection({ uuid, provision_state }: Node): void {
  if (protectable.includes(provision_state)) return;
  throw conflict(
    `Node ${uuid} can only be made protected in provision states 'active' or 'rescue', the current state is '${provision_state}'`,
  );
}

/** @throws Fault `conflict` for an available node, which would have to leave that state first */
export function refuseRetirement({ uuid, provision_state }: Pick<Node, 'uuid' | 'provision_state'>): void {
  if (provision_state !== 'available') return;
  throw conflict(
    `Node ${uuid} can not have 'retired' set in provision state 'available', the current state is '${provision_state}'`,
  );
}

/** @throws Fault `forbidden` as Ironic's `NodeProtected` */
export function refuseProtected({ uuid, protected: isProtected }: Pick<Node, 'uuid' | 'protected'>): void {
  if (!isProtected) return;
  throw new Fault('forbidden', { detail: `Node ${uuid} is protected and cannot be undeployed, rebuilt or deleted` });
}

function conflict(detail: string): Fault {
  return new Fault('conflict', { detail });
}
