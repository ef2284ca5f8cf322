/** Keeps the power states of idle nodes true: a few BMCs at a time, and what changed behind our back is recorded. */
import type { Logger } from 'pino';
import { asFault } from '#domain/faults.ts';
import type { Node, PowerState } from '#domain/records.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import { longestTimerMs } from './step-deadlines.ts';
import { interfaceOf, loadNode } from './task.ts';

type Parts = { store: Store; drivers: Drivers; settings: Settings; log: Logger };

const atOnce = 8;
/** Nothing is known of a node before it was verified. */
const unverified: readonly Node['provision_state'][] = ['enroll', 'verifying'];

export class PowerSync {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    const seconds = this.#parts.settings['power.sync_interval'];
    if (seconds === 0 || this.#stopped) return;
    this.#timer = setTimeout(() => void this.#pass().finally(() => this.start()), Math.min(seconds * 1000, longestTimerMs));
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #pass(): Promise<void> {
    try {
      const queue = (await this.#idleNodes()).values();
      const work = async () => {
        for (const uuid of queue) {
          if (this.#stopped) return;
          await this.#look(uuid);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the power states of the nodes could not be looked through');
    }
  }

  async #idleNodes(): Promise<string[]> {
    const rows = await this.#parts.store.db
      .selectFrom('nodes')
      .select('uuid')
      .where('operation_id', 'is', null)
      .where('maintenance', '=', false)
      .where('provision_state', 'not in', unverified)
      .execute();
    return rows.map(({ uuid }) => uuid);
  }

  async #look(uuid: string): Promise<void> {
    const { store, drivers, log } = this.#parts;
    try {
      const { node, facts } = await loadNode(store, uuid);
      const seen = await interfaceOf(drivers.power, node.power_interface).getPower(facts);
      if (seen === node.power_state || !(await this.#write(node, seen))) return;
      store.events.append({
        kind: 'power',
        node_uuid: uuid,
        server_id: node.instance_uuid,
        subject: seen,
        message: `was found ${seen}`,
        data: { before: node.power_state },
      });
    } catch (error) {
      log.warn({ node: uuid, reason: asFault(error).message }, 'the power state of a node could not be read');
    }
  }

  /** An operation may have begun, or begun and ended, while the BMC was asked: then its word counts. */
  #write({ uuid, power_state, instance_uuid }: Node, seen: PowerState): Promise<boolean> {
    return this.#parts.store.transaction(async (inside) => {
      if (!(await inside.nodes.update({ uuid, operation_id: null, power_state }, { power_state: seen }))) return false;
      const vm_state = seen === 'power on' ? 'active' : 'stopped';
      if (instance_uuid)
        await inside.servers.update({ id: instance_uuid, vm_state: ['active', 'stopped'], task_state: null }, { vm_state });
      return true;
    });
  }
}
