/** What DHCP tells machines that run a deployed system: the addresses of their network ports. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { LongTimer } from '#async/timers.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { ProvisioningSettings } from '#settings/site.ts';
import { isEqual, isNot } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import { addressIsIn } from './addresses.ts';

/** What is written together is read together, and not more often than this. */
const gatherMs = 50;
const shortestIntervalMs = 1000;
const retryMs = 10_000;

type Macs = BootPlan['macs'];
type Parts = {
  readonly store: Store;
  readonly settings: ProvisioningSettings;
  readonly log: Pick<Logger, 'warn'>;
  /** Replaces what DHCP knows. */
  readonly assign: (ports: Macs) => Promise<void>;
};

/**
 * Ports that a NIC or bond of a machine has, with their IPv4 address on a subnet with DHCP. Only those to which the options
 * of our DHCP apply: in the provisioning subnet, with its gateway.
 */
export async function readPortAddresses(store: Store, settings: ProvisioningSettings): Promise<Macs> {
  const { 'provisioning.cidr': cidr, 'provisioning.gateway': gateway } = settings;
  const subnets = await store.subnets.pick(['id', 'gateway_ip'], { enable_dhcp: true, ip_version: 4 });
  const served = new Set(subnets.filter(({ gateway_ip }) => (gateway_ip ?? '') === gateway).map(({ id }) => id));
  if (served.size === 0) return [];
  const isUsed = [isNot(isEqual('vif_port_id', null))];
  const nics = [
    ...(await store.node_ports.pick(['vif_port_id'], isUsed)),
    ...(await store.portgroups.pick(['vif_port_id'], isUsed)),
  ];
  const attached = new Set(nics.map(({ vif_port_id }) => vif_port_id));
  const ports = await store.ports.pick(['id', 'mac_address', 'fixed_ips'], { admin_state_up: true }, { orderBy: 'id' });
  return ports.flatMap(({ id, mac_address: mac, fixed_ips }) => {
    if (!attached.has(id)) return [];
    const fixed = fixed_ips.find(({ subnet_id, ip_address }) => served.has(subnet_id) && addressIsIn(ip_address, cidr));
    return fixed ? [{ mac, address: fixed.ip_address }] : [];
  });
}

export class PortAddresses {
  readonly #parts: Parts;
  readonly #next = new LongTimer();
  #unlisten = () => {};
  #assigned: Macs = [];
  #running: Promise<void> | undefined;
  /** When the next run begins, as `performance.now()`; undefined: nothing is due. */
  #due: number | undefined;
  #isStopped = false;
  #lastStart = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#unlisten = this.#parts.store.onWrite(['ports', 'node_ports', 'portgroups', 'subnets'], () => this.#wake(gatherMs));
    this.#wake(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unlisten();
    this.#next.clear();
    await this.#running;
  }

  #wake(ms: number): void {
    if (this.#isStopped) return;
    const at = Math.max(performance.now() + ms, this.#lastStart + shortestIntervalMs);
    if (this.#due !== undefined && this.#due <= at) return;
    this.#due = at;
    if (!this.#running) this.#next.set(at - performance.now(), () => this.#begin());
  }

  #begin(): void {
    this.#due = undefined;
    this.#lastStart = performance.now();
    this.#running = this.#assign()
      .catch((error: unknown) => {
        this.#parts.log.warn({ err: error }, 'DHCP does not know all addresses of network ports; retrying');
        this.#wake(retryMs);
      })
      .then(() => {
        this.#running = undefined;
        const due = this.#due;
        this.#due = undefined;
        if (due !== undefined) this.#wake(due - performance.now());
      });
  }

  async #assign(): Promise<void> {
    const { store, settings, assign } = this.#parts;
    const ports = await readPortAddresses(store, settings);
    if (isDeepStrictEqual(ports, this.#assigned)) return;
    await assign(ports);
    this.#assigned = ports;
  }
}
