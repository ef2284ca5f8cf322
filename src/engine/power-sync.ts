/** Keeps the power states of idle nodes true: a few BMCs at a time, and what changed behind our back is recorded. */
import type { Logger } from 'pino';
import { asFault } from '#domain/faults.ts';
import type { Node } from '#domain/records.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
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
    this.#timer = setTimeout(() => void this.#pass().finally(() => this.start()), seconds * 1000);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #pass(): Promise<void> {
    const nodes = await this.#parts.store.nodes.list({ operation_id: null, maintenance: false });
    const queue = nodes.filter((node) => !unverified.includes(node.provision_state));
    const work = async () => {
      for (let node = queue.shift(); node && !this.#stopped; node = queue.shift()) await this.#look(node.uuid);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  async #look(uuid: string): Promise<void> {
    const { store, drivers, log } = this.#parts;
    try {
      const { node, facts } = await loadNode(store, uuid);
      const seen = await interfaceOf(drivers.power, node.power_interface).getPower(facts);
      // An operation may have begun while the BMC was asked: then its word counts.
      const changed =
        seen !== node.power_state && (await store.nodes.update({ uuid, operation_id: null }, { power_state: seen }));
      if (!changed) return;
      store.events.append({
        kind: 'power',
        node_uuid: uuid,
        server_id: node.instance_uuid,
        subject: seen,
        message: `was found ${seen}`,
        data: { before: node.power_state },
      });
      if (node.instance_uuid) {
        const vm_state = seen === 'power on' ? 'active' : 'stopped';
        await store.servers.update({ id: node.instance_uuid, vm_state: ['active', 'stopped'], task_state: null }, { vm_state });
      }
    } catch (error) {
      log.warn({ node: uuid, reason: asFault(error).message }, 'the power state of a node could not be read');
    }
  }
}
