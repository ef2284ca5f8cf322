/** Subnets, as in Neutron. */
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type Subnet = StandardAttributes & {
  network_id: string;
  /** The pool that its addresses are from. */
  subnetpool_id: string | null;
  /** The segment of its network that has it. */
  segment_id: string | null;
  ip_version: 4 | 6;
  cidr: string;
  /** How its hosts get their addresses; null: from Ingot. Both are of IPv6. */
  ipv6_address_mode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  ipv6_ra_mode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: string[];
  allocation_pools: { start: string; end: string }[];
  /** Owners of the devices whose ports get addresses of it; empty: all. */
  service_types: string[];
  host_routes: { destination: string; nexthop: string }[];
};

export class Subnets extends RevisedCollection<Subnet> {
  static override readonly table = {
    name: 'subnets',
    json: ['tags', 'dns_nameservers', 'allocation_pools', 'host_routes', 'service_types'],
    boolean: ['enable_dhcp'],
  };
}
