/** Faults for requests to a busy node, which name the operation or the request that holds it. */
import { hostname } from 'node:os';
import { Fault } from '#domain/faults.ts';
import type { LockKind } from '#domain/lock-kinds.ts';
import type { Store } from '#store/store.ts';
import type { NodeReservation } from '#store/tables/node-reservations.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { refuseLocked } from './refuse-locked.ts';

/**
 * Called in the transaction that takes or changes the node.
 * @param forbidding the kinds of locks that forbid the change, beside those that forbid all
 * @throws Fault `nodeBusy` while an operation or a request holds the node, `nodeLocked`
 */
export async function refuseWhileBusy(trx: Store, node: Node, forbidding: readonly LockKind[] = []): Promise<void> {
  if (node.operation_id) await refuseBusyNode(trx, node.uuid);
  await refuseReserved(trx, node.uuid);
  await refuseLocked(trx, node.uuid, ['all', ...forbidding]);
}

/** Text of Ironic's `NodeLocked`, and the holder. */
export function busyFault(node: string, holder: string): Fault {
  return new Fault('nodeBusy', { node, host: hostname(), holder });
}

/** @throws Fault `nodeBusy` while a request has reserved the node */
export async function refuseReserved(trx: Store, uuid: string): Promise<void> {
  const reservation = await trx.node_reservations.find({ node_uuid: uuid });
  if (!reservation || isVoid(reservation)) return;
  const [node] = await trx.nodes.pick(['name'], { uuid });
  throw busyFault(node?.name ?? uuid, reservation.purpose);
}

/** The nodes that requests have reserved: few. */
export async function reservedNodes(store: Store): Promise<ReadonlySet<string>> {
  const reservations = await store.node_reservations.list();
  return new Set(reservations.filter((each) => !isVoid(each)).map(({ node_uuid }) => node_uuid));
}

export function isVoid({ deadline_at }: NodeReservation): boolean {
  return Date.parse(deadline_at) <= Date.now();
}

/** @throws Fault `nodeBusy`, or `notFound` if the node does not exist */
export async function refuseBusyNode(trx: Store, uuid: string): Promise<never> {
  const node = await trx.nodes.find({ uuid });
  if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
  const holder = node.operation_id && (await trx.operations.find({ id: node.operation_id }));
  throw busyFault(
    node.name ?? uuid,
    holder ? `${holder.purpose} (operation ${describeHolder(holder)})` : 'an operation that has just completed',
  );
}

/** The operation, its current step and wait, when it began and its deadline. */
export function describeHolder({ id, step, step_started_at, waiting_for, deadline_at }: Operation): string {
  const wait = waiting_for ? `, waiting for ${waiting_for}` : '';
  const end = deadline_at ? `, until ${deadline_at} at the latest` : '';
  return `${id}, at "${step}" since ${step_started_at}${wait}${end}`;
}
