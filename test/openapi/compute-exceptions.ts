/** Where the published document of the compute API differs from Nova. */
import type { Exception } from './exception.ts';

const compute = 'nova/api/openstack/compute';
const flavors = ['/flavors/*/', '/flavor/'];
const fieldsOf = (prefixes: readonly string[], name: string) => prefixes.map((prefix) => `${prefix}${name}`);
const servers = ['/servers/*/', '/server/'];

const general: readonly Exception[] = [
  {
    at: ['**/created_at', '**/start_time', '**/finish_time', '**/updated_at', '**/started_at', '**/start', '**/stop'],
    what: 'wrong',
    says: 'format "date-time"',
    why: 'Times of records are without a time zone.',
    source: `${compute}/views/keypairs.py (datetime by oslo.serialization)`,
  },
  {
    at: ['**/tenant_id', '/quota_set/id'],
    what: 'wrong',
    says: 'format "uuid"',
    why: "Keystone's ids of projects have no hyphens.",
    source: 'keystone/common/utils.py (uuid4().hex)',
  },
  {
    at: ['/servers_links', '/keypairs_links', '/hypervisor_links', '/migrations_links', '/tenant_usages_links', '/links'],
    what: 'missing',
    why: 'Only where another page follows; for hypervisors the field is hypervisors_links.',
    source: `${compute}/../common.py (_get_collection_links)`,
  },
];

const flavorRows: readonly Exception[] = [
  {
    operation: 'GET /v2.1/flavors',
    at: '/flavors/*/description',
    what: 'missing',
    until: '2.54',
    why: 'New in 2.55.',
    source: `${compute}/views/flavors.py (basic)`,
  },
  {
    at: '/pagesize_kb',
    what: 'unknown',
    since: '2.78',
    why: 'The document has it in each node.',
    source: `${compute}/server_topology.py (_get_numa_topology)`,
  },
  {
    at: fieldsOf(flavors, 'OS-FLV-DISABLED:disabled'),
    what: 'unknown',
    why: 'Shown until 2.101.',
    source: `${compute}/views/flavors.py (show)`,
  },
  {
    at: fieldsOf(flavors, 'description'),
    what: 'unknown',
    since: '2.55',
    why: 'New in 2.55.',
    source: `${compute}/views/flavors.py (show)`,
  },
  {
    at: fieldsOf(flavors, 'extra_specs'),
    what: 'missing',
    until: '2.60',
    why: 'New in 2.61.',
    source: `${compute}/flavors.py (include_extra_specs)`,
  },
  {
    at: fieldsOf(flavors, 'swap'),
    what: 'wrong',
    says: ': ""',
    until: '2.74',
    why: 'No swap is an empty string until 2.74.',
    source: `${compute}/views/flavors.py (show)`,
  },
];

const serverRows: readonly Exception[] = [
  {
    at: ['/server/pinned_availability_zone', '/servers/*/pinned_availability_zone'],
    what: 'unknown',
    since: '2.96',
    why: 'The document has 2.96, but not its field.',
    source: `${compute}/views/servers.py (show)`,
  },
  {
    operation: 'GET /v2.1/servers/detail',
    at: '/servers/*/server_groups',
    what: 'missing',
    why: 'Shown for one server only.',
    source: `${compute}/views/servers.py (detail; ServersController.show passes show_server_groups)`,
  },
  {
    operation: 'GET /v2.1/servers',
    at: ['/servers/*/links'],
    what: 'unknown',
    why: 'A brief server has links.',
    source: `${compute}/views/servers.py (basic)`,
  },
  {
    operation: 'GET /v2.1/servers',
    at: ['/servers/*/name'],
    what: 'wrong',
    why: 'A name is any text.',
    source: `${compute}/views/servers.py (basic)`,
  },
  {
    at: [...fieldsOf(servers, 'accessIPv4'), ...fieldsOf(servers, 'accessIPv6')],
    what: 'wrong',
    says: ': ""',
    why: 'An empty string where there is none.',
    source: `${compute}/views/servers.py (show)`,
  },
  {
    at: fieldsOf(servers, 'addresses/**'),
    what: 'unknown',
    why: 'Keyed by the name of the network; each address has its type and MAC address.',
    source: `${compute}/views/addresses.py (basic)`,
  },
  {
    at: fieldsOf(servers, 'description'),
    what: 'missing',
    until: '2.18',
    why: 'New in 2.19.',
    source: `${compute}/views/servers.py (show)`,
  },
  {
    at: fieldsOf(servers, 'fault'),
    what: 'missing',
    why: 'Only of servers in ERROR.',
    source: `${compute}/views/servers.py (_fault_statuses)`,
  },
  {
    at: fieldsOf(servers, 'locked_reason'),
    what: 'unknown',
    since: '2.73',
    why: 'New in 2.73.',
    source: `${compute}/views/servers.py (show)`,
  },
  {
    operation: 'GET /v2.1/servers/{server_id}/os-instance-actions**',
    at: '/instanceActions/*/events',
    what: 'missing',
    why: 'Only one action is shown with its events.',
    source: `${compute}/instance_actions.py (index)`,
  },
  {
    operation: 'GET /v2.1/servers/{server_id}/os-instance-actions**',
    at: ['/instanceActions/*/instance_uuid', '/instanceAction/instance_uuid'],
    what: 'unknown',
    why: 'One of ACTION_KEYS.',
    source: `${compute}/instance_actions.py (ACTION_KEYS)`,
  },
  {
    operation: 'GET /v2.1/servers/{server_id}/os-security-groups',
    at: ['from_port', 'to_port', 'ip_protocol'].map((name) => `/security_groups/*/rules/*/${name}`),
    what: 'wrong',
    says: 'null',
    why: 'A rule for all protocols, as each default group has, names none.',
    source: 'nova/network/security_group_api.py (_convert_to_nova_security_group_rule_format)',
  },
  {
    operation: 'GET /v2.1/servers/{server_id}/os-security-groups',
    at: '/security_groups/*/rules/*/group/tenant_id',
    what: 'unknown',
    why: 'The project of the group from which a rule permits traffic.',
    source: `${compute}/security_groups.py (_format_security_group_rule)`,
  },
];

const otherRows: readonly Exception[] = [
  {
    operation: 'GET /v2.1/limits',
    at: '/absolute',
    what: 'missing',
    why: 'Both parts are in an object `limits`.',
    source: `${compute}/views/limits.py (build)`,
  },
  {
    operation: 'GET /v2.1/limits',
    at: '/limits',
    what: 'unknown',
    why: 'Both parts are in an object `limits`.',
    source: `${compute}/views/limits.py (build)`,
  },
  {
    at: ['/hypervisors/*/id', '/hypervisor/id'],
    what: 'wrong',
    says: 'must be string',
    until: '2.52',
    why: 'A number until 2.52.',
    source: `${compute}/hypervisors.py (_view_hypervisor)`,
  },
  {
    at: ['/hypervisors/*/cpu_info', '/hypervisor/cpu_info'],
    what: 'wrong',
    until: '2.27',
    why: 'A string until 2.27.',
    source: `${compute}/hypervisors.py (_view_hypervisor)`,
  },
  {
    at: ['/hypervisors/*/servers', '/hypervisor/servers'],
    what: 'missing',
    until: '2.74',
    why: 'Only where there are any, until 2.74.',
    source: `${compute}/hypervisors.py (_view_hypervisor)`,
  },
  {
    at: ['/hypervisors/*/uptime', '/hypervisor/uptime'],
    what: 'missing',
    until: '2.87',
    why: 'New in 2.88.',
    source: `${compute}/hypervisors.py (_view_hypervisor)`,
  },
  {
    operation: '* /v2.1/os-keypairs**',
    at: '/keypair/id',
    what: 'missing',
    why: 'Not created with a number; ours have none at all, and clients use the name.',
    source: `${compute}/views/keypairs.py (_create_params)`,
  },
  {
    operation: 'POST /v2.1/os-keypairs',
    at: ['/keypair/created_at', '/keypair/updated_at', '/keypair/deleted', '/keypair/deleted_at'],
    what: 'missing',
    why: 'Of a shown key pair only.',
    source: `${compute}/views/keypairs.py (_create_params)`,
  },
  {
    operation: 'POST /v2.1/os-keypairs',
    at: '/keypair/private_key',
    what: 'missing',
    why: 'Of a generated key pair only.',
    source: `${compute}/views/keypairs.py (create)`,
  },
  {
    operation: 'GET /v2.1/os-quota-sets/**',
    at: ['/quota_set/networks'],
    what: 'missing',
    why: 'No resource of the quotas.',
    source: 'nova/quota.py (QuotaEngine)',
  },
  {
    operation: 'GET /v2.1/os-quota-sets/{id}/detail',
    at: ['/quota_set/injected_files_content_bytes', '/quota_set/injected_files_path_bytes'],
    what: 'missing',
    why: 'The names are injected_file_content_bytes and injected_file_path_bytes.',
    source: 'nova/quota.py (QuotaEngine)',
  },
  {
    operation: 'GET /v2.1/os-quota-sets/{id}/detail',
    at: ['/quota_set/injected_file_content_bytes', '/quota_set/injected_file_path_bytes'],
    what: 'unknown',
    why: 'The document has other names.',
    source: 'nova/quota.py (QuotaEngine)',
  },
  {
    operation: 'GET /v2.1/os-quota-sets/**',
    at: ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'].map((name) => `/quota_set/${name}`),
    what: 'missing',
    since: '2.36',
    why: 'Shown until 2.35.',
    source: `${compute}/quota_sets.py (FILTERED_QUOTAS_v236)`,
  },
  {
    operation: 'GET /v2.1/os-quota-sets/**',
    at: ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'].map((name) => `/quota_set/${name}`),
    what: 'missing',
    since: '2.57',
    why: 'Shown until 2.56.',
    source: `${compute}/quota_sets.py (FILTERED_QUOTAS_v257)`,
  },
  {
    operation: 'GET /v2.1/os-services',
    at: '/services/*/disabled_reason',
    what: 'wrong',
    says: ': null',
    why: 'null where the service is enabled.',
    source: `${compute}/services.py (_get_service_detail)`,
  },
  {
    operation: 'GET /v2.1/os-services',
    at: '/services/*/name',
    what: 'missing',
    why: 'No such field.',
    source: `${compute}/services.py (_get_service_detail)`,
  },
  ...(['missing', 'unknown'] as const).map((what) => ({
    operation: 'GET /v2.1/os-simple-tenant-usage/{id}',
    at: what === 'missing' ? '/tenant_usages' : '/tenant_usage',
    what,
    why: 'The document has the reply of the list.',
    source: `${compute}/simple_tenant_usage.py (_show)`,
  })),
  {
    operation: 'GET /v2.1/os-simple-tenant-usage**',
    at: '**/ended_at',
    what: 'wrong',
    says: ': null',
    why: 'null while the server exists.',
    source: `${compute}/simple_tenant_usage.py (_tenant_usages_for_period)`,
  },
];

export const computeExceptions: readonly Exception[] = [...general, ...flavorRows, ...serverRows, ...otherRows];
