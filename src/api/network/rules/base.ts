/** What the rules of the network service have in common, under Neutron's names (neutron/conf/policies). */
import type { PolicyRule } from '../../http/policy/rules.ts';

export const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['project'], description });

export const anyone = rule('rule:regular_user');
export const reader = rule('rule:admin_only or role:reader and project_id:%(project_id)s');
export const member = rule('rule:admin_only or role:member and project_id:%(project_id)s');
export const admin = rule('rule:admin_only');
/** `network:project_id` is the owner of the network of a subnet or port. */
export const networkOwner = rule('rule:admin_only or rule:service_api or role:member and rule:network_owner');
export const sharedNetwork = rule('rule:admin_only or rule:service_api or role:member and (rule:network_owner or rule:shared)');
export const networkDevice = rule(
  'not rule:network_device or rule:admin_only or rule:service_api or role:member and rule:network_owner',
);

/** Rules for the tags of a resource, `get_network:tags`, with the checks of the resource. */
export function tagRules<const Noun extends string>(noun: Noun, read: string, write: string) {
  const of = (verb: string, check: string) => ({
    [`${verb}_${noun}:tags`]: rule(check)(`${words[verb]} the tags of a ${noun.replaceAll('_', ' ')}.`),
  });
  return { ...of('get', read), ...of('create', write), ...of('update', write), ...of('delete', write) } as Readonly<
    Record<`${'get' | 'create' | 'update' | 'delete'}_${Noun}:tags`, PolicyRule>
  >;
}

const words: Readonly<Record<string, string>> = { get: 'Show', create: 'Add to', update: 'Change', delete: 'Remove' };

export const ofReader = 'rule:admin_only or role:reader and project_id:%(project_id)s';
export const ofMember = 'rule:admin_only or role:member and project_id:%(project_id)s';

export const baseRules = {
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
  shared_security_group: { check: 'field:security_groups:shared=True', description: 'A shared security group.' },
  shared_address_groups: { check: 'field:address_groups:shared=True', description: 'A shared address group.' },
  shared_address_scopes: { check: 'field:address_scopes:shared=True', description: 'A shared address scope.' },
  shared_subnetpools: { check: 'field:subnetpools:shared=True', description: 'A shared subnet pool.' },
  sg_owner: { check: 'project_id:%(security_group:project_id)s', description: 'The project of the security group of a rule.' },
  regular_user: { check: '', scopes: ['project'], description: 'Everyone with a token for a project.' },
} as const satisfies Record<string, PolicyRule>;
