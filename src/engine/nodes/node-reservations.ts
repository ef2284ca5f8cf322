/**
 * Reservations by requests that must run alone, such as a BMC password change: a row per node, read in each transaction
 * that takes or changes the node (busy-node.ts). A row that a former process left still protects its node until what was
 * interrupted is repaired (bmc-passwords.ts).
 */
import { randomUUID } from 'node:crypto';
import type { LockKind } from '#domain/lock-kinds.ts';
import { whereUnique } from '#store/collection.ts';
import type { Store } from '#store/store.ts';
import type { NodeReservation } from '#store/tables/node-reservations.ts';
import { busyFault, isVoid, refuseBusyNode } from './busy-node.ts';
import { findNode } from './find-node.ts';
import { refuseLocked } from './refuse-locked.ts';

type Wanted = {
  readonly uuid: string;
  readonly purpose: string;
  /**
   * `idle`: throws `nodeBusy` if an operation holds the node; `repair`: also during an operation, and in place of a
   * former process
   */
  readonly takes: 'idle' | 'repair';
  /** The kinds of locks that forbid it, beside those that forbid all. */
  readonly forbiddenBy?: readonly LockKind[];
};

/** Longer than all requests of one reservation together may take (milliseconds). */
const longestMs = 900_000;
/** Interval at which an end that could not be written is tried again (milliseconds). */
const againMs = 5000;

export class NodeReservations {
  readonly #store: Store;
  readonly #owner = randomUUID();
  /** Ended, but still in the database, which refused to write. */
  readonly #unwritten = new Set<NodeReservation>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reserves the node until `work` has ended. @throws Fault `nodeBusy`, or `notFound` */
  async during<R>(wanted: Wanted, work: () => Promise<R>): Promise<R> {
    const reservation = await this.#store.transaction((trx) => this.#take(trx, wanted));
    try {
      return await work();
    } finally {
      await this.#release(reservation);
    }
  }

  stop(): void {
    this.#unwritten.clear();
    clearTimeout(this.#timer);
  }

  /** If its end cannot be written now, it is later: until then, or until its deadline, the node stays reserved. */
  async #release(reservation: NodeReservation): Promise<void> {
    const { node_uuid, owner, deadline_at } = reservation;
    try {
      await this.#store.node_reservations.remove({ node_uuid, owner, deadline_at });
      this.#unwritten.delete(reservation);
    } catch {
      this.#unwritten.add(reservation);
      this.#timer ??= setTimeout(() => void this.#releaseAgain(), againMs).unref();
    }
  }

  async #releaseAgain(): Promise<void> {
    this.#timer = undefined;
    for (const reservation of this.#unwritten) await this.#release(reservation);
  }

  /** Releases what former processes reserved, except for nodes that are still to be repaired. */
  async releaseFormer(except: ReadonlySet<string>): Promise<void> {
    const { node_reservations } = this.#store;
    for (const { node_uuid, owner } of await node_reservations.list())
      if (owner !== this.#owner && !except.has(node_uuid)) await node_reservations.remove({ node_uuid, owner });
  }

  async #take(trx: Store, { uuid, purpose, takes, forbiddenBy = [] }: Wanted): Promise<NodeReservation> {
    const node = await findNode(trx, uuid);
    if (takes === 'idle' && node.operation_id) await refuseBusyNode(trx, uuid);
    if (takes === 'idle') await refuseLocked(trx, uuid, ['all', ...forbiddenBy]);
    const held = await trx.node_reservations.find({ node_uuid: uuid });
    const refusal = busyFault(node.name ?? uuid, held?.purpose ?? purpose);
    const mayReplace = !held || isVoid(held) || (takes === 'repair' && held.owner !== this.#owner);
    if (!mayReplace) throw refusal;
    if (held) await trx.node_reservations.remove({ node_uuid: uuid, owner: held.owner });
    const deadline_at = new Date(Date.now() + longestMs).toISOString();
    const row = { node_uuid: uuid, owner: this.#owner, purpose, deadline_at };
    return whereUnique(trx.node_reservations.insert(row), () => refusal);
  }
}
