/** `/extensions`: the supported Neutron extensions, which clients check before use. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { viewOf } from '../http/view.ts';
import { route } from './policy.ts';

type Extension = { readonly alias: string; readonly name: string; readonly description: string };

const extensionTable: readonly Extension[] = [
  { alias: 'address-group', name: 'Address group', description: 'Lists of addresses for rules of security groups.' },
  { alias: 'address-scope', name: 'Address scope', description: 'Where subnet pools do not overlap.' },
  {
    alias: 'allowed-address-pairs',
    name: 'Allowed Address Pairs',
    description: 'Address pairs of ports; nothing enforces them.',
  },
  { alias: 'binding', name: 'Port Binding', description: 'The host and profile that a port is bound to.' },
  { alias: 'data-plane-status', name: 'Data plane status', description: 'What others report about the data plane of a port.' },
  {
    alias: 'expose-port-forwarding-in-fip',
    name: 'Expose Floating IP port forwardings',
    description: 'Floating IPs show their port forwardings.',
  },
  { alias: 'ext-gw-mode', name: 'Neutron L3 Configurable external gateway mode', description: 'enable_snat of gateways.' },
  { alias: 'external-net', name: 'Neutron external network', description: 'The router:external attribute of networks.' },
  { alias: 'extraroute', name: 'Neutron Extra Route', description: 'Routes of routers.' },
  { alias: 'extraroute-atomic', name: 'Atomically add/remove extra routes', description: 'Routes are added and removed.' },
  { alias: 'filter-validation', name: 'Filter parameters validation', description: 'Unknown filters are rejected.' },
  { alias: 'fip-port-details', name: 'Floating IP Port Details Extension', description: 'The port_details of floating IPs.' },
  {
    alias: 'floating-ip-port-forwarding',
    name: 'Floating IP Port Forwarding',
    description: 'Ports of a floating IP that lead to ports of addresses.',
  },
  {
    alias: 'floating-ip-port-forwarding-description',
    name: 'Floating IP Port Forwarding new attribute description',
    description: 'Port forwardings have a description.',
  },
  {
    alias: 'floating-ip-port-forwarding-port-ranges',
    name: 'Floating IP Port Forwarding support the usage of port ranges',
    description: 'Ranges of ports are forwarded.',
  },
  {
    alias: 'ip-substring-filtering',
    name: 'IP address substring filtering',
    description: 'Ports by a part of an address.',
  },
  { alias: 'net-mtu', name: 'Network MTU', description: 'The mtu attribute of networks.' },
  { alias: 'net-mtu-writable', name: 'Network MTU (writable)', description: 'The mtu of a network can be chosen.' },
  { alias: 'pagination', name: 'Pagination support', description: 'limit and marker on lists.' },
  { alias: 'port-numa-affinity-policy', name: 'Port NUMA affinity policy', description: 'A fact for clients.' },
  { alias: 'port-numa-affinity-policy-socket', name: 'Port NUMA affinity policy socket', description: 'The policy socket.' },
  { alias: 'port-security', name: 'Port Security', description: 'The port_security_enabled attribute; nothing enforces it.' },
  { alias: 'project-id', name: 'project_id field enabled', description: 'Records have project_id beside tenant_id.' },
  { alias: 'provider', name: 'Provider Network', description: 'What a network is on the wire.' },
  { alias: 'quota_details', name: 'Quota details management support', description: 'Quotas with usage.' },
  { alias: 'quotas', name: 'Quota management support', description: 'Quotas of each resource.' },
  {
    alias: 'revision-if-match',
    name: 'If-Match constraints based on revision_number',
    description: 'Changes of what was read before, or none.',
  },
  { alias: 'router', name: 'Neutron L3 Router', description: 'Routers and floating IPs, which are kept as without an agent.' },
  { alias: 'security-group', name: 'security-group', description: 'Security groups, which are kept and not enforced.' },
  {
    alias: 'security-groups-normalized-cidr',
    name: 'normalized_cidr field of rules',
    description: 'Prefixes without host bits.',
  },
  {
    alias: 'security-groups-remote-address-group',
    name: 'Remote address group of rules',
    description: 'The remote_address_group_id of rules.',
  },
  {
    alias: 'security-groups-rules-belongs-to-default-sg',
    name: 'Field about the default group',
    description: 'Whether a rule is of a default group.',
  },
  { alias: 'sorting', name: 'Sorting support', description: 'sort_key and sort_dir on lists.' },
  { alias: 'standard-attr-description', name: 'standard-attr-description', description: 'Records have a description.' },
  { alias: 'standard-attr-revisions', name: 'Resource revision numbers', description: 'Each change is another revision.' },
  { alias: 'standard-attr-tag', name: 'Tag support for resources', description: 'Tags of resources.' },
  { alias: 'standard-attr-timestamp', name: 'Resource timestamps', description: 'Records have created_at and updated_at.' },
  { alias: 'stateful-security-group', name: 'Stateful security group', description: 'The stateful attribute.' },
  {
    alias: 'tag-ports-during-bulk-creation',
    name: 'Tag Ports During Bulk Creation',
    description: 'The tags of new ports.',
  },
  { alias: 'trunk', name: 'Trunk Extension', description: 'VLANs of NICs, which the config drive names.' },
  { alias: 'trunk-details', name: 'Trunk port details', description: 'The trunk_details attribute of ports.' },
  { alias: 'uplink-status-propagation', name: 'Uplink status propagation', description: 'A fact for clients.' },
  {
    alias: 'uplink-status-propagation-updatable',
    name: 'Uplink status propagation updatable extension',
    description: 'It can be changed.',
  },
];

const Text = Type.String();
const extensionView = viewOf<Extension>()({
  alias: { type: Text, value: ({ alias }) => alias },
  name: { type: Text, value: ({ name }) => name },
  description: { type: Text, value: ({ description }) => description },
  updated: { type: Text, value: () => '2013-03-28T10:00:00-00:00' },
  links: { type: Type.Array(Type.Object({})), value: () => [] },
});

export const extensionRoutes = [
  route({
    method: 'GET',
    path: '/extensions',
    policy: 'regular_user',
    summary: 'List extensions',
    reply: Type.Object({ extensions: Type.Array(extensionView.schema) }),
    handler: (request, context) => ({ extensions: extensionTable.map(extensionView.of(request, context)) }),
  }),
  route({
    method: 'GET',
    path: '/extensions/:alias',
    policy: 'regular_user',
    summary: 'Show an extension',
    reply: Type.Object({ extension: extensionView.schema }),
    handler(request, context) {
      const { alias: wanted } = request.params;
      const extension = extensionTable.find(({ alias }) => alias === wanted);
      if (!extension) throw new Fault('notFound', { what: 'Extension', id: wanted });
      return { extension: extensionView.of(request, context)(extension) };
    },
  }),
];
