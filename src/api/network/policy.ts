/** The rules of the network service, under Neutron's names (neutron/conf/policies). */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { Network } from '#store/tables/networks.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { type PolicyRule, targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';

const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['project'], description });

const anyone = rule('rule:regular_user');
const reader = rule('rule:admin_only or role:reader and project_id:%(project_id)s');
const member = rule('rule:admin_only or role:member and project_id:%(project_id)s');
const admin = rule('rule:admin_only');
/** `network:project_id` is the owner of the network of a subnet or port. */
const networkOwner = rule('rule:admin_only or rule:service_api or role:member and rule:network_owner');
const sharedNetwork = rule('rule:admin_only or rule:service_api or role:member and (rule:network_owner or rule:shared)');
const networkDevice = rule(
  'not rule:network_device or rule:admin_only or rule:service_api or role:member and rule:network_owner',
);

const baseRules = {
  context_is_admin: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  admin_only: { check: 'rule:context_is_admin', description: 'Administrators.' },
  service_api: { check: 'role:service', description: 'Other services of the cloud.' },
  owner: { check: 'project_id:%(project_id)s', description: 'The project of a resource.' },
  admin_or_owner: { check: 'rule:context_is_admin or rule:owner', description: 'Administrators, the project of a resource.' },
  network_owner: { check: 'project_id:%(network:project_id)s', description: 'The project of the network of a resource.' },
  admin_or_network_owner: {
    check: 'rule:context_is_admin or rule:network_owner',
    description: 'Administrators, the project of the network of a resource.',
  },
  shared: { check: 'field:networks:shared=True', description: 'A shared network.' },
  external: { check: 'field:networks:router:external=True', description: 'An external network.' },
  network_device: { check: 'field:port:device_owner=~^network:', description: 'A port that belongs to the network itself.' },
  regular_user: { check: '', scopes: ['project'], description: 'Everyone with a token for a project.' },
} as const satisfies Record<string, PolicyRule>;

const networkRules = {
  create_network: member('Create a network.'),
  'create_network:shared': admin('Create a shared network.'),
  'create_network:router:external': admin('Create an external network.'),
  'create_network:is_default': admin('Specify `is_default` of a new network.'),
  'create_network:port_security_enabled': member('Specify `port_security_enabled` of a new network.'),
  'create_network:provider:network_type': admin('Specify `provider:network_type` of a new network.'),
  'create_network:provider:physical_network': admin('Specify `provider:physical_network` of a new network.'),
  'create_network:provider:segmentation_id': admin('Specify `provider:segmentation_id` of a new network.'),
  get_network: rule(
    'rule:admin_only or rule:service_api or role:reader and project_id:%(project_id)s or rule:shared or rule:external',
  )('List and show networks.'),
  'get_network:provider:network_type': admin('See `provider:network_type` of a network.'),
  'get_network:provider:physical_network': admin('See `provider:physical_network` of a network.'),
  'get_network:provider:segmentation_id': admin('See `provider:segmentation_id` of a network.'),
  update_network: member('Change a network.'),
  'update_network:shared': admin('Change `shared` of a network.'),
  'update_network:router:external': admin('Change `router:external` of a network.'),
  'update_network:is_default': admin('Change `is_default` of a network.'),
  'update_network:port_security_enabled': member('Change `port_security_enabled` of a network.'),
  delete_network: member('Delete a network.'),
} as const satisfies Record<string, PolicyRule>;

const subnetRules = {
  create_subnet: networkOwner('Create a subnet.'),
  'create_subnet:segment_id': admin('Specify `segment_id` of a new subnet.'),
  'create_subnet:service_types': admin('Specify `service_types` of a new subnet.'),
  get_subnet: rule(
    'rule:admin_only or rule:service_api or role:reader and (project_id:%(project_id)s or rule:network_owner) or rule:shared',
  )('List and show subnets.'),
  'get_subnet:segment_id': admin('See `segment_id` of a subnet.'),
  update_subnet: member('Change a subnet.'),
  'update_subnet:segment_id': admin('Change `segment_id` of a subnet.'),
  'update_subnet:service_types': admin('Change `service_types` of a subnet.'),
  delete_subnet: member('Delete a subnet.'),
} as const satisfies Record<string, PolicyRule>;

const portRules = {
  create_port: sharedNetwork('Create a port.'),
  'create_port:device_id': member('Specify `device_id` of a new port.'),
  'create_port:device_owner': networkDevice('Specify `device_owner` of a new port.'),
  'create_port:mac_address': networkOwner('Specify `mac_address` of a new port.'),
  'create_port:fixed_ips': sharedNetwork('Specify `fixed_ips` of a new port.'),
  'create_port:fixed_ips:ip_address': networkOwner('Specify an address in `fixed_ips` of a new port.'),
  'create_port:fixed_ips:subnet_id': sharedNetwork('Specify a subnet in `fixed_ips` of a new port.'),
  'create_port:port_security_enabled': networkOwner('Specify `port_security_enabled` of a new port.'),
  'create_port:binding:host_id': admin('Specify `binding:host_id` of a new port.'),
  'create_port:binding:profile': rule('rule:service_api or rule:admin_only')('Specify `binding:profile` of a new port.'),
  'create_port:binding:vnic_type': member('Specify `binding:vnic_type` of a new port.'),
  'create_port:allowed_address_pairs': networkOwner('Specify `allowed_address_pairs` of a new port.'),
  get_port: reader('List and show ports.'),
  'get_port:binding:vif_type': admin('See `binding:vif_type` of a port.'),
  'get_port:binding:vif_details': admin('See `binding:vif_details` of a port.'),
  'get_port:binding:host_id': admin('See `binding:host_id` of a port.'),
  'get_port:binding:profile': admin('See `binding:profile` of a port.'),
  update_port: member('Change a port.'),
  'update_port:device_id': member('Change `device_id` of a port.'),
  'update_port:device_owner': networkDevice('Change `device_owner` of a port.'),
  'update_port:mac_address': networkOwner('Change `mac_address` of a port.'),
  'update_port:fixed_ips': networkOwner('Change `fixed_ips` of a port.'),
  'update_port:fixed_ips:ip_address': networkOwner('Specify an address in changed `fixed_ips` of a port.'),
  'update_port:fixed_ips:subnet_id': sharedNetwork('Specify a subnet in changed `fixed_ips` of a port.'),
  'update_port:port_security_enabled': networkOwner('Change `port_security_enabled` of a port.'),
  'update_port:binding:host_id': admin('Change `binding:host_id` of a port.'),
  'update_port:binding:profile': rule('rule:service_api or rule:admin_only')('Change `binding:profile` of a port.'),
  'update_port:binding:vnic_type': member('Change `binding:vnic_type` of a port.'),
  'update_port:allowed_address_pairs': networkOwner('Change `allowed_address_pairs` of a port.'),
  delete_port: member('Delete a port.'),
} as const satisfies Record<string, PolicyRule>;

const otherRules = {
  get_quota: reader('Show the quotas of a project.'),
  update_quota: admin('Change the quotas of a project.'),
  delete_quota: admin('Reset the quotas of a project.'),
  get_agent: reader('List network agents.'),
  get_availability_zone: anyone('List the availability zones of the network service.'),
  create_router: member('Create a router.'),
  get_router: reader('List routers.'),
  create_floatingip: member('Create a floating IP.'),
  get_floatingip: reader('List floating IPs.'),
  create_security_group: member('Create a security group.'),
  get_security_group: reader('List security groups.'),
  create_security_group_rule: member('Create a security group rule.'),
  get_security_group_rule: reader('List security group rules.'),
  create_rbac_policy: member('Create an RBAC policy.'),
  get_rbac_policy: reader('List RBAC policies.'),
  create_segment: admin('Create a network segment.'),
  get_segment: reader('List network segments.'),
  create_subnetpool: member('Create a subnet pool.'),
  get_subnetpool: reader('List subnet pools.'),
  create_address_scope: member('Create an address scope.'),
  get_address_scope: reader('List address scopes.'),
  create_trunk: member('Create a trunk.'),
  get_trunk: reader('List trunks.'),
} as const satisfies Record<string, PolicyRule>;

const rules = { ...baseRules, ...networkRules, ...subnetRules, ...portRules, ...otherRules } as const;
export type NetworkRule = keyof typeof rules;

export const networkPolicy = {
  rules,
  denied: (name: string) => new Fault('policyNotAuthorized', { rule: name }),
  own: (caller: Caller) => ({ ...targetOf(caller), 'network:project_id': caller.project_id }),
} as const;

export const { route, unsupportedRoute, authorize, allows } = routesOf(rules);

/** A network, subnet or port as a rule's target. */
export function targetIn(network: Network | undefined, { project_id, ...fields }: { readonly project_id: string }): PolicyTarget {
  return {
    ...fields,
    project_id,
    tenant_id: project_id,
    ...(network && {
      'network:project_id': network.project_id,
      'network:tenant_id': network.project_id,
      shared: network.shared,
      'router:external': network.external,
    }),
  };
}

type Shown = { readonly what: string; readonly id: string; readonly target: PolicyTarget };

/** What its rule does not show to the caller does not exist for it, as in Neutron. @throws Fault `notFound` */
export function refuseHidden(request: FastifyRequest, rule: NetworkRule, { what, id, target }: Shown): void {
  if (!allows(request, rule, target)) throw new Fault('notFound', { what, id });
}

type Action = `${'create' | 'update'}_${'network' | 'subnet' | 'port'}`;

type SetAttributes = {
  readonly fields: object;
  readonly target: PolicyTarget;
  /** Anyone may set an attribute to its default. */
  readonly defaults?: Readonly<Record<string, unknown>>;
};

/** Checks the rule of each attribute that a request sets; attributes in lists of objects have rules of their own. */
export function authorizeAttributes(request: FastifyRequest, action: Action, attributes: SetAttributes): void {
  const { fields, target, defaults = {} } = attributes;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || (Object.hasOwn(defaults, name) && defaults[name] === value)) continue;
    authorizeAttribute(request, `${action}:${name}`, target);
    for (const inner of innerNames(value)) authorizeAttribute(request, `${action}:${name}:${inner}`, target);
  }
}

function innerNames(value: unknown): Set<string> {
  const items = Array.isArray(value) ? value : [];
  return new Set(items.flatMap((item) => (typeof item === 'object' && item !== null ? Object.keys(item) : [])));
}

function authorizeAttribute(request: FastifyRequest, name: string, target: PolicyTarget): void {
  if (Object.hasOwn(rules, name)) authorize(request, name as NetworkRule, target);
}
