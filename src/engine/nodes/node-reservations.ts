/**
 * In-memory reservations: a request reserves a node while it changes the BMC password, which must run alone. The
 * durable lock is the operation in the node's row. A reservation ends with the process; interrupted changes are
 * repaired at the next start (bmc-passwords.ts).
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { findNode } from './find-node.ts';

type Named = Pick<Node, 'uuid' | 'name'>;

export class NodeReservations {
  readonly #purposes = new Map<string, string>();

  has(uuid: string): boolean {
    return this.#purposes.has(uuid);
  }

  /**
   * Called in the transaction that takes or changes the node. @throws Fault `nodeBusy` while a request has reserved it
   */
  refuse({ uuid, name }: Named): void {
    const purpose = this.#purposes.get(uuid);
    if (purpose !== undefined) throw new Fault('nodeBusy', { node: name ?? uuid, holder: purpose });
  }

  /**
   * Reserves the node until `work` has ended.
   * @param takes `idle`: throws `nodeBusy` if an operation holds the node; `always`: also during an operation
   */
  async during<R>(
    store: Store,
    { uuid, purpose, takes }: { uuid: string; purpose: string; takes: 'idle' | 'always' },
    work: () => Promise<R>,
  ): Promise<R> {
    this.refuse(await findNode(store, uuid));
    this.#purposes.set(uuid, purpose);
    try {
      // In a transaction, so that a concurrent one that takes the node has either seen the reservation or committed.
      if (takes === 'idle') await store.transaction(async (trx) => refuseWhileBusy(trx, await findNode(trx, uuid)));
      return await work();
    } finally {
      this.#purposes.delete(uuid);
    }
  }
}
