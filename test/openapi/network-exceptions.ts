/** Where the published document of the network API differs from Neutron. */
import type { Exception } from './exception.ts';

const definitions = 'neutron_lib/api/definitions';
const inEach = (plural: string, names: readonly string[]) =>
  names.flatMap((name) => [`/${plural}/*/${name}`, `/${plural.slice(0, -1)}/${name}`]);
const absent = (plural: string, names: readonly string[], files: string): Exception => ({
  at: inEach(plural, names),
  what: 'missing',
  why: 'Fields of extensions that `GET /extensions` does not list; the document has those of all.',
  source: `${definitions}/${files}`,
});

const plurals = [
  'floatingips',
  'routers',
  'networks',
  'subnets',
  'ports',
  'security_groups',
  'security_group_rules',
  'address_scopes',
  'subnetpools',
];
const ruleFields = [
  'port_range_max',
  'port_range_min',
  'protocol',
  'remote_address_group_id',
  'remote_group_id',
  'remote_ip_prefix',
];

export const networkExceptions: readonly Exception[] = [
  absent('networks', ['l2_adjacency', 'segments'], '{l2_adjacency,multiprovidernet}.py'),
  absent(
    'ports',
    ['device_profile', 'dns_domain', 'hints', 'ip_allocation'],
    '{port_device_profile,dns_domain_ports,port_hints,ip_allocation}.py',
  ),
  absent('ports', ['resource_request'], 'port_resource_request.py'),
  absent(
    'routers',
    ['conntrack_helpers', 'distributed', 'enable_ndp_proxy', 'flavor_id'],
    '{l3_conntrack_helper,dvr,l3_ext_ndp_proxy,l3_flavors}.py',
  ),
  {
    at: inEach('floatingips', ['port_details', 'port_forwardings', 'fixed_ip_address']),
    what: 'wrong',
    says: 'must be string',
    why: 'An object or null, a list, and null where there is none.',
    source: 'neutron/db/l3_fip_port_details.py, neutron/services/portforwarding/pf_plugin.py, neutron/db/l3_db.py',
  },
  {
    at: inEach('port_forwardings', ['external_port_range', 'internal_port_range']),
    what: 'wrong',
    says: 'must be number',
    why: 'Ranges are text: FIRST:LAST.',
    source: 'neutron/objects/port_forwarding.py (_modify_ports_range_from_db)',
  },
  {
    at: '/port/trunk_details',
    what: 'unknown',
    why: 'Of the parent of a trunk, by the extension trunk-details.',
    source: `${definitions}/trunk_details.py`,
  },
  {
    at: plurals.flatMap((plural) => inEach(plural, ['project_id'])),
    what: 'unknown',
    why: 'Beside tenant_id, by the extension project-id.',
    source: `${definitions}/project_id.py`,
  },
  {
    at: inEach('networks', ['ipv4_address_scope', 'ipv6_address_scope', 'provider:segmentation_id']),
    what: 'wrong',
    says: ': null',
    why: 'null where there is none.',
    source: `${definitions}/{address_scope,provider_net}.py`,
  },
  {
    at: inEach('default_security_group_rules', ruleFields),
    what: 'wrong',
    says: ': null',
    why: 'null where it is not restricted.',
    source: 'neutron/db/securitygroups_db.py (_make_default_security_group_rule_dict)',
  },
  {
    at: inEach('ports', ['dns_assignment']),
    what: 'wrong',
    says: 'must be string',
    why: 'A list.',
    source: 'neutron/plugins/ml2/extensions/dns_integration.py (_get_dns_names_for_port)',
  },
  {
    at: inEach('ports', ['trunk_details']),
    what: 'unknown',
    why: 'Of a parent port, by the extension trunk-details.',
    source: `${definitions}/trunk_details.py`,
  },
  {
    at: inEach('ports', ['data_plane_status', 'numa_affinity_policy']),
    what: 'wrong',
    says: ': null',
    why: 'null where it is not set.',
    source: `${definitions}/{data_plane_status,port_numa_affinity_policy}.py`,
  },
  {
    at: inEach('subnets', ['ipv6_address_mode', 'ipv6_ra_mode']),
    what: 'wrong',
    says: ': null',
    why: 'null where it is not set.',
    source: `${definitions}/subnet.py (the default is null in the reply)`,
  },
  {
    at: inEach('extensions', ['links']),
    what: 'unknown',
    why: 'An empty list.',
    source: 'neutron/api/extensions.py (ExtensionController._translate)',
  },
  {
    at: inEach('extensions', ['namespace']),
    what: 'missing',
    why: 'No longer shown.',
    source: 'neutron/api/extensions.py (ExtensionController._translate)',
  },
  {
    at: inEach('security_group_rules', ruleFields),
    what: 'wrong',
    says: 'must be string',
    why: 'null where the rule does not say it; ports are numbers.',
    source: 'neutron/extensions/securitygroup.py (RESOURCE_ATTRIBUTE_MAP)',
  },
  {
    at: inEach('security_group_rules', ['belongs_to_default_sg']),
    what: 'unknown',
    why: 'By the extension security-groups-rules-belongs-to-default-sg.',
    source: `${definitions}/security_groups_rules_belongs_to_default_sg.py`,
  },
  {
    at: inEach('security_groups', ['security_group_rules']),
    what: 'wrong',
    says: 'must be string',
    why: 'A list.',
    source: 'neutron/db/securitygroups_db.py (_make_security_group_dict)',
  },
  {
    operation: '* /v2.0/quotas/**',
    at: '/quota/project_id',
    what: 'missing',
    why: 'Only in the list.',
    source: 'neutron/extensions/quotasv2.py (show, default, update)',
  },
  {
    at: inEach('subnetpools', [
      'default_prefixlen',
      'min_prefixlen',
      'max_prefixlen',
      'ip_version',
      'default_quota',
      'prefixes/*',
    ]),
    what: 'wrong',
    why: 'Lengths are texts, the version a number, prefixes are no ids, and without a quota there is null.',
    source: 'neutron/db/db_base_plugin_common.py (_make_subnetpool_dict)',
  },
  {
    at: inEach('floatingips', ['qos_network_policy_id']),
    what: 'unknown',
    why: 'By the extension qos-fip-network-policy.',
    source: `${definitions}/qos_fip_network_policy.py`,
  },
  {
    at: ['/policies/*/project_id', '/policy/project_id'],
    what: 'unknown',
    why: 'Beside tenant_id, by the extension project-id.',
    source: `${definitions}/project_id.py`,
  },
  {
    at: ['/policies/*/rules', '/policy/rules'],
    what: 'wrong',
    says: 'must be string',
    why: 'A list.',
    source: 'neutron/objects/qos/policy.py (QosPolicy)',
  },
  {
    at: ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth'].flatMap((type) => inEach(`${type}_rules`, ['tenant_id'])),
    what: 'missing',
    why: 'Rules belong to their policy.',
    source: 'neutron/objects/qos/rule.py (QosRule)',
  },
  {
    at: '/rule_types/*/drivers',
    what: 'missing',
    why: 'Only of a single type.',
    source: 'neutron/objects/qos/rule_type.py (get_objects)',
  },
  {
    at: '/rule_type/drivers',
    what: 'wrong',
    says: 'must be string',
    why: 'A list.',
    source: 'neutron/objects/qos/rule_type.py (QosRuleType)',
  },
  {
    at: '/network_ip_availability/project_id',
    what: 'unknown',
    why: 'Beside tenant_id, by the extension project-id.',
    source: `${definitions}/project_id.py`,
  },
  {
    at: ['subnet_ip_availability', 'total_ips', 'used_ips'].map((name) => `/network_ip_availability/${name}`),
    what: 'wrong',
    says: 'must be string',
    why: 'A list, and numbers.',
    source: 'neutron/db/network_ip_availability_db.py (_add_result)',
  },
  {
    at: inEach('address_groups', ['addresses/*']),
    what: 'wrong',
    says: 'uuid',
    why: 'They are addresses.',
    source: `${definitions}/address_group.py`,
  },
  {
    operation: '* /v2.0/rbac-policies**',
    at: ['/rbac_policies/*', '/rbac_policy'].flatMap((path) => [`${path}/project_id`, `${path}/target_project`]),
    what: 'unknown',
    why: 'Beside tenant_id and target_tenant.',
    source: 'neutron/db/rbac_db_mixin.py (_make_rbac_policy_dict)',
  },
  {
    at: '/quotas/*/project_id',
    what: 'wrong',
    says: 'uuid',
    why: "Keystone's ids of projects are UUIDs without hyphens.",
    source: 'keystone/resource/core.py (create_project)',
  },
];
