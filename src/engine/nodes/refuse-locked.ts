/** The refusal of what a lock of the node forbids. */
import { Fault } from '#domain/faults.ts';
import type { LockKind } from '#domain/lock-kinds.ts';
import type { Store } from '#store/store.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';

/**
 * Called in the transaction that takes or changes the node. Whoever asks: also the owner of the lock and administrators.
 * @param forbidding the kinds that forbid it
 * @throws Fault `nodeLocked` with the oldest such lock
 */
export async function refuseLocked(trx: Store, uuid: string, forbidding: readonly LockKind[]): Promise<void> {
  const [lock] = await trx.node_locks.inForce(uuid, forbidding);
  if (!lock) return;
  const [node] = await trx.nodes.pick(['name'], { uuid });
  const { id, kind, reason, expires_at } = lock;
  const until = expires_at === null ? 'It has no end.' : `It ends at ${expires_at}.`;
  throw new Fault('nodeLocked', { node: node?.name ?? uuid, owner: ownerOf(lock), reason, kind, id, until });
}

export function ownerOf({ user_name, user_id, project_id }: NodeLock): string {
  return `${user_name} (user ${user_id}${project_id && `, project ${project_id}`})`;
}
