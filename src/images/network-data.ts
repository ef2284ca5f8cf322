/** network_data.json of the config drive, in Nova's schema, from a server's ports. Pure. */
import type { Json, JsonObject } from '#domain/json.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';

type FactPort = Pick<Port, 'id' | 'network_id' | 'mac_address' | 'fixed_ips'>;

/** Ports in the order of the server's NICs; subnets and networks in any order. A port's MAC is that of the real NIC. */
export type NetworkFacts = {
  ports: readonly FactPort[];
  networks: readonly Pick<Network, 'id' | 'mtu'>[];
  /** Port groups to which ports are bound, and the NICs that form each bond. */
  bonds: readonly {
    vif_port_id: string;
    mode: string;
    properties: JsonObject;
    members: readonly { id: string; mac_address: string }[];
  }[];
  /** Subports of trunks, by the parent port. */
  vlans: readonly { parent_id: string; segmentation_id: number; port: FactPort }[];
  subnets: readonly Pick<Subnet, 'id' | 'ip_version' | 'cidr' | 'gateway_ip' | 'dns_nameservers' | 'host_routes'>[];
};

type Link = { id: string; vif_id: string; type: 'phy'; mtu: number | null; ethernet_mac_address: string };
/** With the options of the bonding driver as `bond_…`. */
type BondLink = Omit<Link, 'type'> & { type: 'bond'; bond_mode: string; bond_links: string[]; [option: `bond${string}`]: Json };
/** Its MAC is the subport's. */
type VlanLink = Omit<Link, 'type' | 'ethernet_mac_address'> & {
  type: 'vlan';
  vlan_link: string;
  vlan_id: number;
  vlan_mac_address: string;
};
type MemberLink = Pick<Link, 'id' | 'type' | 'ethernet_mac_address'>;
type Route = { network: string; netmask: string; gateway: string };
type Service = { type: 'dns'; address: string };
type LinkNetwork = {
  id: string;
  link: string;
  network_id: string;
  type: 'ipv4' | 'ipv6' | 'ipv4_dhcp';
  ip_address?: string;
  netmask?: string;
  routes?: Route[];
  services?: Service[];
  dns_nameservers?: string[];
};
export type NetworkData = { links: (Link | BondLink | MemberLink | VlanLink)[]; networks: LinkNetwork[]; services: Service[] };

export function networkData({ ports, networks, subnets, bonds, vlans }: NetworkFacts): NetworkData {
  const data: NetworkData = { links: [], networks: [], services: [] };
  for (const [index, port] of ports.entries()) {
    const link = `interface${index}`;
    const facts = { id: link, vif_id: port.id, mtu: mtuOf(port, networks), ethernet_mac_address: port.mac_address.toLowerCase() };
    const bond = bonds.find(({ vif_port_id }) => vif_port_id === port.id);
    data.links.push(bond ? bondLink(facts, bond) : { ...facts, type: 'phy' });
    addNetworks(data, { link, port, subnets });
    for (const { segmentation_id: vlan_id, port: subport } of vlans.filter(({ parent_id }) => parent_id === port.id)) {
      const [id, mtu] = [`${link}.${vlan_id}`, mtuOf(subport, networks)];
      const vlan_mac_address = subport.mac_address.toLowerCase();
      data.links.push({ ...{ id, vif_id: subport.id, mtu, type: 'vlan', vlan_link: link }, vlan_id, vlan_mac_address });
      addNetworks(data, { link: id, port: subport, subnets });
    }
  }
  for (const { id, mac_address } of bonds.flatMap(({ members }) => members))
    data.links.push({ id, type: 'phy', ethernet_mac_address: mac_address });
  const addresses = new Set(data.networks.flatMap(({ services = [] }) => services.map(({ address }) => address)));
  data.services = [...addresses].map((address) => ({ type: 'dns', address }));
  return data;
}

const mtuOf = ({ network_id }: FactPort, networks: NetworkFacts['networks']) =>
  networks.find(({ id }) => id === network_id)?.mtu ?? null;

type Addressed = { readonly link: string; readonly port: FactPort; readonly subnets: NetworkFacts['subnets'] };

function addNetworks({ networks }: NetworkData, { link, port, subnets }: Addressed): void {
  for (const network of networksOf(port, subnets))
    networks.push({ id: `network${networks.length}`, link, network_id: port.network_id, ...network });
}

/** As Nova's ironic driver writes it (`_get_network_metadata`). */
function bondLink(link: Omit<Link, 'type'>, { mode, properties, members }: NetworkFacts['bonds'][number]): BondLink {
  const options = Object.entries(properties).map(([name, value]) => [name.startsWith('bond') ? name : `bond_${name}`, value]);
  return { ...link, type: 'bond', bond_mode: mode, ...Object.fromEntries(options), bond_links: members.map(({ id }) => id) };
}

type Addressing = Omit<LinkNetwork, 'id' | 'link' | 'network_id'>;

function networksOf(port: NetworkFacts['ports'][number], subnets: NetworkFacts['subnets']): Addressing[] {
  const found = port.fixed_ips.flatMap(({ subnet_id, ip_address }) => {
    const subnet = subnets.find(({ id }) => id === subnet_id);
    return subnet ? [staticAddress(subnet, ip_address)] : [];
  });
  return found.length > 0 ? withOneWayEach(found) : [{ type: 'ipv4_dhcp' }];
}

/**
 * Two addresses of one subnet, or two subnets on one NIC, would give two routes to the same destination. cloud-init on
 * Red Hat's systems then configures no network at all, and others reject the second: keep the first.
 */
function withOneWayEach(networks: readonly Addressing[]): Addressing[] {
  const reported = new Set<string>();
  const isFirst = ({ network, netmask }: Route) =>
    !reported.has(`${network}/${netmask}`) && reported.add(`${network}/${netmask}`);
  return networks.map(({ routes = [], ...network }) => ({ ...network, routes: routes.filter(isFirst) }));
}

/**
 * Static even if the subnet has DHCP: the address is fixed either way, and a system that keeps its address while our
 * DHCP server is down is better than a lease with the same content.
 */
function staticAddress(subnet: NetworkFacts['subnets'][number], address: string): Addressing {
  const isV4 = subnet.ip_version === 4;
  const any = isV4 ? '0.0.0.0' : '::';
  const { dns_nameservers } = subnet;
  const routes = subnet.host_routes.map(({ destination, nexthop }) => ({
    network: destination.split('/')[0] ?? any,
    netmask: netmaskOf(destination),
    gateway: nexthop,
  }));
  const hasDefault = routes.some(({ network, netmask }) => network === any && netmask === any);
  if (subnet.gateway_ip && !hasDefault) routes.unshift({ network: any, netmask: any, gateway: subnet.gateway_ip });
  return {
    type: isV4 ? 'ipv4' : 'ipv6',
    ip_address: address,
    netmask: netmaskOf(subnet.cidr),
    routes,
    services: dns_nameservers.map((server) => ({ type: 'dns', address: server })),
    // Not in Nova's data: cloud-init before 23.2 supports only machine-wide services, which ifupdown never sees.
    ...(dns_nameservers.length > 0 && { dns_nameservers: [...dns_nameservers] }),
  };
}

/** `10.0.0.0/20` → `255.255.240.0`; `fd00::/64` → `ffff:ffff:ffff:ffff::`. */
function netmaskOf(cidr: string): string {
  const [network = '', prefix = '0'] = cidr.split('/');
  const isV6 = network.includes(':');
  const bits = '1'.repeat(Number(prefix)).padEnd(isV6 ? 128 : 32, '0');
  const groups = bits.match(isV6 ? /.{16}/g : /.{8}/g) ?? [];
  const numbers = groups.map((group) => Number.parseInt(group, 2));
  if (!isV6) return numbers.join('.');
  const used = numbers.slice(0, numbers.findLastIndex((number) => number !== 0) + 1);
  const text = used.map((number) => number.toString(16)).join(':');
  return used.length === 8 ? text : `${text}::`;
}
