/** Neutron's default policies (neutron/conf/policies/) for the supported attributes that not every member may set. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Network } from '#store/tables/networks.ts';
import { owns } from '../http/authentication.ts';

/** `admin_or_network_owner`, the same or `shared`, or `admin_only`. */
type Rule = 'network owner' | 'network owner or shared' | 'admin';

const policyTable = {
  'create_port:device_owner': 'network owner',
  'create_port:mac_address': 'network owner',
  'create_port:fixed_ips': 'network owner or shared',
  'create_port:fixed_ips:ip_address': 'network owner',
  'create_port:fixed_ips:subnet_id': 'network owner or shared',
  'create_port:port_security_enabled': 'network owner',
  'create_port:allowed_address_pairs': 'network owner',
  'update_port:device_owner': 'network owner',
  'update_port:mac_address': 'network owner',
  'update_port:fixed_ips': 'network owner',
  'update_port:port_security_enabled': 'network owner',
  'update_port:allowed_address_pairs': 'network owner',
  create_subnet: 'network owner',
  'create_subnet:segment_id': 'admin',
  'create_subnet:service_types': 'admin',
  'update_subnet:segment_id': 'admin',
  'update_subnet:service_types': 'admin',
  'create_network:shared': 'admin',
  'create_network:router:external': 'admin',
  'create_network:is_default': 'admin',
  'create_network:provider:network_type': 'admin',
  'create_network:provider:physical_network': 'admin',
  'create_network:provider:segmentation_id': 'admin',
  'update_network:shared': 'admin',
  'update_network:router:external': 'admin',
  'update_network:is_default': 'admin',
} as const satisfies Record<string, Rule>;
export type Policy = keyof typeof policyTable;

const rules: Readonly<Record<Rule, (request: FastifyRequest, network?: Network) => boolean>> = {
  admin: ({ caller }) => caller.is_admin,
  'network owner': ({ caller }, network) => caller.is_admin || (network !== undefined && owns(caller, network)),
  'network owner or shared': ({ caller }, network) => network !== undefined && (network.shared || owns(caller, network)),
};

/** @throws Fault `policyNotAuthorized` */
export function enforce(policy: Policy, request: FastifyRequest, network?: Network): void {
  if (!rules[policyTable[policy]](request, network)) throw new Fault('policyNotAuthorized', { rule: policy });
}

/** Checks the attributes of `fields` with their own policy; an attribute at its default value is not checked. */
export function enforceAttributes(
  action: 'create_port' | 'update_port' | 'create_subnet' | 'update_subnet' | 'create_network' | 'update_network',
  request: FastifyRequest,
  { fields, network }: { fields: object; network?: Network },
): void {
  for (const [name, value] of Object.entries(fields)) {
    const policy = `${action}:${name}`;
    const isDefault = action === 'create_network' && value === false;
    if (Object.hasOwn(policyTable, policy) && value !== undefined && !isDefault) enforce(policy as Policy, request, network);
  }
}

/** Shared records are visible to all and changed by their owner only. */
export function checkOwner(request: FastifyRequest, record: { id: string; project_id: string }): void {
  if (!owns(request.caller, record)) throw new Fault('forbidden', { detail: `${record.id} belongs to another project.` });
}
