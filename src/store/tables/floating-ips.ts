/** Floating IPs, as in Neutron, and the port forwardings that share one. */
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type FloatingIp = Omit<StandardAttributes, 'name'> & {
  floating_network_id: string;
  floating_ip_address: string;
  /** The port that has the address; it belongs to no project. */
  floating_port_id: string;
  fixed_port_id: string | null;
  fixed_ip_address: string | null;
  /** Also that of its port forwardings. */
  router_id: string | null;
  /** ACTIVE while packets are forwarded; ERROR: its router could not be brought up. */
  status: 'ACTIVE' | 'DOWN' | 'ERROR';
  /** Both or none is empty, as of ports. */
  dns_name: string;
  dns_domain: string;
  /** Neutron's QoS policy: a fact, like port security. */
  qos_policy_id: string | null;
};

export class FloatingIps extends RevisedCollection<FloatingIp> {
  static override readonly table = { name: 'floating_ips', json: ['tags'] };
}

export type PortForwarding = Omit<StandardAttributes, 'name'> & {
  floatingip_id: string;
  protocol: string;
  external_first: number;
  external_last: number;
  internal_port_id: string;
  internal_ip_address: string;
  internal_first: number;
  internal_last: number;
};

export class PortForwardings extends RevisedCollection<PortForwarding> {
  static override readonly table = { name: 'port_forwardings', json: ['tags'] };
}
