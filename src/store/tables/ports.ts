/** Network ports, as in Neutron. */

import type { JsonObject } from '#domain/json.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type AddressPair = { mac_address: string; ip_address: string };

/** A tenant's port on a network (as in Neutron). */
export type Port = StandardAttributes & {
  network_id: string;
  mac_address: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  device_id: string;
  device_owner: string;
  admin_state_up: boolean;
  status: 'ACTIVE' | 'DOWN';
  /** Created by a server, and deleted with it, rather than by a user. */
  owned_by_server: boolean;
  /** Neutron's `binding:host_id`, as given by an administrator, such as a Nova beside Ingot; empty: none. */
  binding_host_id: string;
  binding_profile: JsonObject;
  /** Ids of security groups. */
  security_groups: string[];
  /** A fact for clients: nothing filters the traffic of a port, with or without it. */
  port_security_enabled: boolean;
  /** Like port security, a fact. */
  allowed_address_pairs: AddressPair[];
  extra_dhcp_opts: { opt_name: string; opt_value: string; ip_version: 4 | 6 }[];
  propagate_uplink_status: boolean;
  numa_affinity_policy: 'required' | 'preferred' | 'legacy' | 'socket' | null;
  data_plane_status: 'ACTIVE' | 'DOWN' | null;
  /** In DNS, in lower case; empty: none. No DNS server is told. */
  dns_name: string;
  /** Neutron's QoS policy: a fact, like port security. */
  qos_policy_id: string | null;
};

export class Ports extends RevisedCollection<Port> {
  static override readonly table = {
    name: 'ports',
    json: ['tags', 'fixed_ips', 'binding_profile', 'security_groups', 'allowed_address_pairs', 'extra_dhcp_opts'],
    boolean: ['admin_state_up', 'owned_by_server', 'port_security_enabled', 'propagate_uplink_status'],
  };
}
