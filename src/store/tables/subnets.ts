/** Subnets, as in Neutron. */
import { Collection } from '../collection.ts';

export type Subnet = {
  id: string;
  name: string;
  network_id: string;
  project_id: string;
  ip_version: 4 | 6;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: string[];
  allocation_pools: { start: string; end: string }[];
  host_routes: { destination: string; nexthop: string }[];
  description: string;
  created_at: string;
  updated_at: string;
};

export class Subnets extends Collection<Subnet> {
  static override readonly table = {
    name: 'subnets',
    json: ['dns_nameservers', 'allocation_pools', 'host_routes'],
    boolean: ['enable_dhcp'],
  };
}
