/**
 * Locks that people set on nodes, beside Ironic's maintenance: rows that are read in each transaction that takes or
 * changes the node (docs/decisions/0041-locks.md). Whether one is in force depends on the clock alone.
 */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { LockKind } from '#domain/lock-kinds.ts';
import type { Store } from '#store/store.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';
import type { NewNodeLock, NodeVerbs } from '../contract.ts';
import { refuseBusyNode, refuseReserved } from './busy-node.ts';
import { findNode } from './find-node.ts';
import { ownerOf } from './refuse-locked.ts';

/** Of one node. */
const mostLocks = 100;
/** What runs could still switch the machine. */
const endsFirst: readonly LockKind[] = ['power', 'all'];

export function nodeLockVerbs(store: Store): Pick<NodeVerbs, 'lockNode' | 'unlockNode'> {
  return {
    async lockNode(uuid, request) {
      const lock = await store.transaction((trx) => setLock(trx, uuid, request));
      const until = lock.expires_at === null ? '' : ` until ${lock.expires_at}`;
      note(store, lock, `locked by ${ownerOf(lock)}${until}: ${lock.reason}`);
      return lock;
    },
    async unlockNode(lock, by) {
      if ((await store.node_locks.remove({ id: lock.id })) > 0) note(store, lock, `unlocked by ${by}: ${lock.reason}`);
    },
  };
}

async function setLock(trx: Store, uuid: string, { force = false, ...request }: NewNodeLock): Promise<NodeLock> {
  const node = await findNode(trx, uuid);
  await trx.node_locks.sweep();
  if (!force && endsFirst.includes(request.kind)) {
    if (node.operation_id) await refuseBusyNode(trx, uuid);
    await refuseReserved(trx, uuid);
  }
  const held = await trx.node_locks.inForce(uuid);
  if (held.length >= mostLocks)
    throw new Fault('conflict', { detail: `Node ${node.name ?? uuid} has ${held.length} locks; delete some first.` });
  const created_at = new Date().toISOString();
  return trx.node_locks.insert({ ...request, id: randomUUID(), node_uuid: uuid, created_at });
}

function note(store: Store, { node_uuid, kind, id }: NodeLock, message: string): void {
  store.events.append({ kind: 'note', node_uuid, subject: 'lock', message, data: { lock: id, lock_kind: kind } });
}
