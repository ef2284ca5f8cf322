/**
 * Nodes that a request has for itself while it does what must not be mixed with anything else: giving the BMC another
 * password. The lock that outlives the process is the operation in the node's row; a hold ends with the process, and
 * what it guards is put right at the next start (bmc-passwords.ts).
 */
import { Fault } from '#domain/faults.ts';
import type { Node } from '#domain/records.ts';
import type { Store } from '#store/store.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { findNode } from './find-node.ts';

type Named = Pick<Node, 'uuid' | 'name'>;

export class NodeReservations {
  readonly #purposes = new Map<string, string>();

  has(uuid: string): boolean {
    return this.#purposes.has(uuid);
  }

  /** Called inside the transaction that takes or changes the node. @throws Fault `nodeBusy` while a request has it */
  refuse({ uuid, name }: Named): void {
    const purpose = this.#purposes.get(uuid);
    if (purpose !== undefined) throw new Fault('nodeBusy', { node: name ?? uuid, holder: purpose });
  }

  /**
   * Nobody else takes or changes the node until `work` has ended.
   * @param takes `idle`: throws `nodeBusy` where an operation has it; `always`: beside an operation too
   */
  async during<R>(
    store: Store,
    { uuid, purpose, takes }: { uuid: string; purpose: string; takes: 'idle' | 'always' },
    work: () => Promise<R>,
  ): Promise<R> {
    this.refuse(await findNode(store, uuid));
    this.#purposes.set(uuid, purpose);
    try {
      // In a transaction, so that one that takes the node now has either seen the hold or has ended.
      if (takes === 'idle') await store.transaction(async (trx) => refuseWhileBusy(trx, await findNode(trx, uuid)));
      return await work();
    } finally {
      this.#purposes.delete(uuid);
    }
  }
}
