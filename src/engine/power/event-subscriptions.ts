/**
 * Rows of the subscriptions that BMCs keep for Ingot. A subscription normally ends with its watch; what a crash or an
 * unreachable BMC has left is deleted at the next start, also if its node was deleted or has another BMC since.
 */
import { randomUUID } from 'node:crypto';
import { raceAbort } from '#async/abort.ts';
import { Semaphore } from '#async/semaphore.ts';
import type { Drivers, NodeFacts, SubscriptionRecord } from '#drivers/interfaces.ts';
import { LessThan } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';
import type { EventSubscription } from '#store/tables/event-subscriptions.ts';

type Parts = { readonly store: Store; readonly drivers: Pick<Drivers, 'power'> };
type Watched = NodeFacts & { readonly power_interface: string };

const endedAtOnce = 8;
/** Timeout of one deletion (milliseconds). */
const endMs = 30_000;
/** A BMC that has not been reached for this long is given up (milliseconds). */
const keptMs = 30 * 86_400_000;

export class EventSubscriptions {
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  /** Nodes whose former subscriptions are being deleted: a new one could get the path of a former one. */
  readonly #ending = new Set<string>();
  #isReading = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isEnding(uuid: string): boolean {
    return this.#isReading || this.#ending.has(uuid);
  }

  /** Deletes what former processes left. Best effort: rows of BMCs that cannot be reached stay for the next start. */
  async start(): Promise<void> {
    this.#isReading = true;
    const byNode = await this.#read().finally(() => {
      this.#isReading = false;
    });
    const slots = new Semaphore(endedAtOnce);
    await Promise.all([...byNode].map(([uuid, rows]) => slots.run(() => this.#endAll(uuid, rows))));
  }

  stop(): void {
    this.#stop.abort(new Error('Ingot is stopping'));
  }

  /** The record of one watch. What cannot be written is not deleted after a crash. */
  of(node: Watched): SubscriptionRecord {
    const { event_subscriptions } = this.#parts.store;
    const { uuid: node_uuid, power_interface, driver_info } = node;
    const place = { node_uuid, address: this.#addressOf(node) };
    return {
      put: async (path) => {
        const row = { ...place, id: randomUUID(), power_interface, driver_info, path, created_at: new Date().toISOString() };
        const writing = this.#parts.store.transaction(async (trx) => {
          await trx.event_subscriptions.remove(place);
          await trx.event_subscriptions.insert(row);
        });
        await writing.catch(() => {});
      },
      remove: async (path) => void (await event_subscriptions.remove({ ...place, path }).catch(() => {})),
    };
  }

  async #read(): Promise<Map<string, EventSubscription[]>> {
    const { event_subscriptions } = this.#parts.store;
    await event_subscriptions.remove({ created_at: new LessThan(new Date(Date.now() - keptMs).toISOString()) });
    const byNode = Map.groupBy(await event_subscriptions.list(), ({ node_uuid }) => node_uuid);
    for (const uuid of byNode.keys()) this.#ending.add(uuid);
    return byNode;
  }

  async #endAll(uuid: string, rows: readonly EventSubscription[]): Promise<void> {
    try {
      for (const row of rows) if (!this.#stop.signal.aborted) await this.#end(row);
    } finally {
      this.#ending.delete(uuid);
    }
  }

  async #end(row: EventSubscription): Promise<void> {
    const { drivers, store } = this.#parts;
    const power = Object.hasOwn(drivers.power, row.power_interface) ? drivers.power[row.power_interface] : undefined;
    const facts = await this.#factsOf(row);
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(endMs)]);
    const ending = power?.unsubscribe?.(facts, row.path, { signal });
    const isGone = ending === undefined || (await raceAbort(ending, signal).catch(() => false));
    if (isGone) await store.event_subscriptions.remove({ id: row.id });
  }

  /** The password may have been changed since: the node's present settings reach the same BMC. */
  async #factsOf({ node_uuid: uuid, power_interface, address, driver_info }: EventSubscription): Promise<NodeFacts> {
    const node = await this.#parts.store.nodes.find({ uuid });
    const present = node && { ...node, ports: [] };
    if (present?.power_interface === power_interface && this.#addressOf(present) === address) return present;
    const rest = { id: 0, name: null, driver: power_interface, properties: {}, extra: {}, power_state: null, ports: [] };
    return { ...rest, uuid, driver_info };
  }

  /** Empty if its settings are invalid. */
  #addressOf(node: Watched): string {
    const { power } = this.#parts.drivers;
    try {
      return power[node.power_interface]?.endpoints?.(node)[0]?.address ?? '';
    } catch {
      return '';
    }
  }
}
