/** Locks that people set on nodes: who forbids what, why, and until when. */
import type { LockKind } from '#domain/lock-kinds.ts';
import { Collection } from '../collection.ts';

export type NodeLock = {
  id: string;
  /** It is deleted with the node, which only a node without locks can be. */
  node_uuid: string;
  kind: LockKind;
  reason: string;
  /** Who set it. Empty project: with a token for the system. */
  project_id: string;
  user_id: string;
  user_name: string;
  /** From then on it has no effect, whether the row is there or not; null: until it is deleted. */
  expires_at: string | null;
  created_at: string;
};

export class NodeLocks extends Collection<NodeLock, { node_locks: NodeLock }> {
  static override readonly table = { name: 'node_locks', keptBy: 'node_uuid' };

  /** Those in force, the oldest first. */
  async inForce(node_uuid: string | readonly string[], kinds?: readonly LockKind[]): Promise<NodeLock[]> {
    const locks = await this.list({ node_uuid });
    const now = new Date().toISOString();
    const isInForce = ({ expires_at, kind }: NodeLock) =>
      (expires_at === null || expires_at > now) && (kinds === undefined || kinds.includes(kind));
    const order = ({ created_at, id }: NodeLock) => `${created_at} ${id}`;
    return locks.filter(isInForce).sort((one, other) => (order(one) < order(other) ? -1 : 1));
  }

  /** Removes those that are over. */
  async sweep(): Promise<void> {
    await this.db.deleteFrom('node_locks').where('expires_at', '<=', new Date().toISOString()).execute();
  }
}
