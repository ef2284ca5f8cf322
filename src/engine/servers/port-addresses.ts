/** What DHCP tells machines that run a deployed system: the addresses and options of their network ports. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { LongTimer } from '#async/timers.ts';
import { dnsAssignments } from '#domain/dns-names.ts';
import type { ProvisioningSettings } from '#settings/site.ts';
import { isEqual, isNot } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { addressIsIn } from './addresses.ts';

/** What is written together is read together, and not more often than this. */
const gatherMs = 50;
const shortestIntervalMs = 1000;
const retryMs = 10_000;

/** As in Neutron's `extra_dhcp_opts`: `67`, `bootfile-name`, `tag:!ipxe,67`; an empty value suppresses a default. */
export type DhcpOption = { readonly name: string; readonly value: string };
export type PortAddress = {
  readonly mac: string;
  readonly address: string;
  readonly hostname: string;
  /** What differs from the settings; of several with the same name, the last counts. */
  readonly options: readonly DhcpOption[];
};
type Parts = {
  readonly store: Store;
  readonly settings: ProvisioningSettings;
  readonly log: Pick<Logger, 'warn'>;
  /** Replaces what DHCP knows. */
  readonly assign: (ports: readonly PortAddress[]) => Promise<void>;
};

type ServedSubnet = Pick<Subnet, 'id' | 'network_id' | 'cidr' | 'gateway_ip' | 'dns_nameservers' | 'host_routes'>;
const subnetColumns = ['id', 'network_id', 'cidr', 'gateway_ip', 'dns_nameservers', 'host_routes'] as const;
const portColumns = ['id', 'network_id', 'mac_address', 'fixed_ips', 'dns_name', 'extra_dhcp_opts'] as const;

/**
 * Ports that a NIC or bond of a machine has, with their IPv4 address on a subnet with DHCP in the provisioning subnet, and
 * with the options that Neutron's DHCP agent gives (neutron/agent/linux/dhcp.py).
 */
export async function readPortAddresses(store: Store, settings: ProvisioningSettings): Promise<PortAddress[]> {
  const { 'provisioning.cidr': cidr } = settings;
  const subnets = await store.subnets.pick([...subnetColumns], { enable_dhcp: true, ip_version: 4 }, { orderBy: 'id' });
  const served = new Map<string, ServedSubnet>(subnets.map((subnet) => [subnet.id, subnet]));
  if (served.size === 0) return [];
  const isUsed = [isNot(isEqual('vif_port_id', null))];
  const nics = [
    ...(await store.node_ports.pick(['vif_port_id'], isUsed)),
    ...(await store.portgroups.pick(['vif_port_id'], isUsed)),
  ];
  const attached = new Set(nics.map(({ vif_port_id }) => vif_port_id));
  const ports = await store.ports.pick([...portColumns], { admin_state_up: true }, { orderBy: 'id' });
  const mtus = new Map((await store.networks.pick(['id', 'mtu'])).map(({ id, mtu }) => [id, mtu]));
  const siblings = Map.groupBy(subnets, ({ network_id }) => network_id);
  return ports.flatMap(({ id, mac_address: mac, network_id, fixed_ips, dns_name, extra_dhcp_opts }) => {
    if (!attached.has(id)) return [];
    const fixed = fixed_ips.find(({ subnet_id, ip_address }) => served.has(subnet_id) && addressIsIn(ip_address, cidr));
    const subnet = fixed && served.get(fixed.subnet_id);
    if (!subnet) return [];
    const options = [
      ...subnetOptions(subnet, { settings, siblings: siblings.get(network_id) ?? [] }),
      ...mtuOption(mtus.get(network_id)),
      ...ownOptions(extra_dhcp_opts),
    ];
    const [assignment] = dnsAssignments(dns_name, [fixed]);
    return [{ mac, address: fixed.ip_address, hostname: assignment?.hostname ?? '', options }];
  });
}

const everywhere = '0.0.0.0/0';
const ethernetMtu = 1500;

type Beside = { readonly settings: ProvisioningSettings; readonly siblings: readonly ServedSubnet[] };

/** Clients with classless routes ignore the option `router`, so that the routes contain the default route. */
function subnetOptions(subnet: ServedSubnet, { settings, siblings }: Beside): DhcpOption[] {
  const options: DhcpOption[] = [];
  const { dns_nameservers: servers, host_routes } = subnet;
  // 0.0.0.0: none.
  if (servers.length > 0) options.push({ name: 'dns-server', value: servers.filter((server) => server !== '0.0.0.0').join(',') });
  const gateway = subnet.gateway_ip ?? host_routes.find(({ destination }) => destination === everywhere)?.nexthop ?? '';
  if (gateway !== settings['provisioning.gateway']) options.push({ name: 'router', value: gateway });
  const others = siblings.filter(({ cidr }) => cidr !== subnet.cidr).map(({ cidr }) => `${cidr},0.0.0.0`);
  const named = host_routes.filter(({ destination }) => destination !== everywhere);
  const routes = [...others, ...named.map(({ destination, nexthop }) => `${destination},${nexthop}`)];
  if (routes.length === 0) return options;
  const value = [...routes, ...(gateway ? [`${everywhere},${gateway}`] : [])].join(',');
  // 249: what Windows asked for before 121.
  return [...options, { name: 'classless-static-route', value }, { name: '249', value }];
}

const mtuOption = (mtu = ethernetMtu): DhcpOption[] => (mtu === ethernetMtu ? [] : [{ name: 'mtu', value: String(mtu) }]);

function ownOptions(options: Port['extra_dhcp_opts']): DhcpOption[] {
  const ofIPv4 = options.filter(({ ip_version }) => ip_version === 4);
  return ofIPv4.map(({ opt_name, opt_value }) => ({ name: opt_name, value: opt_value }));
}

export class PortAddresses {
  readonly #parts: Parts;
  readonly #next = new LongTimer();
  #unlisten = () => {};
  #assigned: readonly PortAddress[] = [];
  #running: Promise<void> | undefined;
  /** When the next run begins, as `performance.now()`; undefined: nothing is due. */
  #due: number | undefined;
  #isStopped = false;
  #lastStart = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#unlisten = this.#parts.store.onWrite(['ports', 'node_ports', 'portgroups', 'subnets', 'networks'], () =>
      this.#wake(gatherMs),
    );
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
