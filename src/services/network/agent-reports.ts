/** Writes the agents of the network service: the parts of it that run in this process, as often as Neutron's agents report. */
import { randomUUID } from 'node:crypto';
import { LongTimer } from '#async/timers.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Store } from '#store/store.ts';
import type { NetworkAgent } from '#store/tables/network-agents.ts';
import { zone } from './availability-zones.ts';

/** Neutron's default of `report_interval`. */
const reportMs = 30_000;

const kinds = {
  'DHCP agent': { binary: 'neutron-dhcp-agent', topic: 'dhcp_agent' },
  'L3 agent': { binary: 'neutron-l3-agent', topic: 'l3_agent' },
} as const;

export type ReportingPart = {
  readonly agent_type: NetworkAgent['agent_type'];
  /** undefined: it does not work now, and sends no report. */
  readonly configurations: () => Promise<JsonObject | undefined>;
};

type Parts = {
  readonly store: Store;
  readonly host: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Agents of other parts are removed: they are not configured any longer. */
  readonly parts: readonly ReportingPart[];
};

export class AgentReports {
  readonly #parts: Parts;
  readonly #next = new LongTimer();
  readonly #started = new Date().toISOString();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { store, parts } = this.#parts;
    const wanted = new Set(parts.map(({ agent_type }) => agent_type));
    for (const { id, agent_type } of await store.network_agents.list())
      if (!wanted.has(agent_type)) await store.network_agents.remove({ id });
    if (parts.length > 0) this.#begin();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#next.clear();
    await this.#running;
  }

  #begin(): void {
    this.#running = this.#report()
      .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'could not record the agents of the network service'))
      .then(() => {
        if (!this.#isStopped) this.#next.set(reportMs, () => this.#begin());
      });
  }

  async #report(): Promise<void> {
    for (const { agent_type, configurations } of this.#parts.parts) {
      const facts = await configurations();
      if (facts) await this.#write(agent_type, facts);
    }
  }

  async #write(agent_type: NetworkAgent['agent_type'], configurations: JsonObject): Promise<void> {
    const { store, host } = this.#parts;
    const now = new Date().toISOString();
    const report = { host, configurations, started_at: this.#started, heartbeat_timestamp: now, updated_at: now };
    if ((await store.network_agents.update({ agent_type }, report)) > 0) return;
    const row = { id: randomUUID(), agent_type, ...kinds[agent_type], availability_zone: zone, description: '', project_id: '' };
    await store.network_agents.insert({ ...row, ...report, created_at: now });
  }
}
