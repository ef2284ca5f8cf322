/** What is shown of a port. */
import { type Static, Type } from 'typebox';
import { dnsAssignments } from '#domain/dns-names.ts';
import type { Port } from '#store/tables/ports.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import type { NetworkRule } from './policy.ts';
import { taggedView } from './standard-attributes.ts';

const Text = Type.String();
const FreeForm = Type.Object({});
const TrunkDetails = Type.Object({
  trunk_id: Text,
  sub_ports: Type.Array(
    Type.Object({ port_id: Text, segmentation_type: Text, segmentation_id: Type.Integer(), mac_address: Text }),
  ),
});
/** With the trunk whose parent it is. */
/** And with the QoS policy of its network. */
type Item = Port & {
  readonly qos_network_policy_id: string | null;
  readonly trunk_details: Static<typeof TrunkDetails> | undefined;
};
const isBound = ({ status, binding_host_id }: Port) => status === 'ACTIVE' || binding_host_id !== '';

export const portView = viewOf<Item, NetworkRule>()({
  ...taggedView((port: Item) => port),
  network_id: { type: Text, value: ({ network_id }) => network_id },
  mac_address: { type: Text, value: ({ mac_address }) => mac_address },
  fixed_ips: {
    type: Type.Array(Type.Object({ subnet_id: Text, ip_address: Text })),
    value: ({ fixed_ips }) => fixed_ips,
  },
  device_id: { type: Text, value: ({ device_id }) => device_id },
  device_owner: { type: Text, value: ({ device_owner }) => device_owner },
  /** All machines are on all segments: addresses do not wait for the host. */
  ip_allocation: { type: Text, value: () => 'immediate' },
  admin_state_up: { type: Type.Boolean(), value: ({ admin_state_up }) => admin_state_up },
  status: { type: Text, value: ({ status }) => status },
  'binding:vnic_type': { type: Text, value: () => 'baremetal' },
  'binding:vif_type': { type: Text, policy: 'get_port:binding:vif_type', value: (port) => (isBound(port) ? 'other' : 'unbound') },
  'binding:host_id': { type: Text, policy: 'get_port:binding:host_id', value: ({ binding_host_id }) => binding_host_id },
  'binding:profile': { type: FreeForm, policy: 'get_port:binding:profile', value: ({ binding_profile }) => binding_profile },
  'binding:vif_details': {
    type: FreeForm,
    policy: 'get_port:binding:vif_details',
    value: (port) => (isBound(port) ? { port_filter: false } : {}),
  },
  security_groups: { type: Type.Array(Text), value: ({ security_groups }) => security_groups },
  allowed_address_pairs: {
    type: Type.Array(Type.Object({ mac_address: Text, ip_address: Text })),
    value: ({ allowed_address_pairs }) => allowed_address_pairs,
  },
  extra_dhcp_opts: {
    type: Type.Array(Type.Object({ opt_name: Text, opt_value: Text, ip_version: Type.Integer() })),
    value: ({ extra_dhcp_opts }) => extra_dhcp_opts,
  },
  dns_name: { type: Text, value: ({ dns_name }) => dns_name },
  dns_assignment: {
    type: Type.Array(Type.Object({ ip_address: Text, hostname: Text, fqdn: Text })),
    value: ({ dns_name, fixed_ips }) => dnsAssignments(dns_name, fixed_ips),
  },
  port_security_enabled: { type: Type.Boolean(), value: ({ port_security_enabled }) => port_security_enabled },
  propagate_uplink_status: { type: Type.Boolean(), value: ({ propagate_uplink_status }) => propagate_uplink_status },
  numa_affinity_policy: { type: Nullable(Text), value: ({ numa_affinity_policy }) => numa_affinity_policy },
  data_plane_status: { type: Nullable(Text), value: ({ data_plane_status }) => data_plane_status },
  qos_policy_id: { type: Nullable(Text), value: ({ qos_policy_id }) => qos_policy_id },
  qos_network_policy_id: { type: Nullable(Text), value: ({ qos_network_policy_id }) => qos_network_policy_id },
  trunk_details: {
    type: TrunkDetails,
    when: ({ trunk_details }) => trunk_details !== undefined,
    value: ({ trunk_details }) => trunk_details ?? { trunk_id: '', sub_ports: [] },
  },
});
