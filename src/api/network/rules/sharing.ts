/** Rules of RBAC policies, address groups, address scopes and subnet pools. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, member, ofMember, ofReader, reader, rule, tagRules } from './base.ts';

const oneProject = rule('rule:admin_only or not field:rbac_policy:target_project=*');
const oneTenant = rule('rule:admin_only or not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*');

export const sharingRules = {
  create_rbac_policy: member('Create an RBAC policy.'),
  'create_rbac_policy:target_tenant': oneTenant('Specify `target_tenant` of a new RBAC policy: `*` for all projects.'),
  'create_rbac_policy:target_project': oneProject('Specify `target_project` of a new RBAC policy: `*` for all projects.'),
  get_rbac_policy: reader('List and show RBAC policies.'),
  update_rbac_policy: member('Change an RBAC policy.'),
  'update_rbac_policy:target_tenant': oneTenant('Change `target_tenant` of an RBAC policy to `*`.'),
  'update_rbac_policy:target_project': oneProject('Change `target_project` of an RBAC policy to `*`.'),
  delete_rbac_policy: member('Delete an RBAC policy.'),
  create_address_group: member('Create an address group.'),
  get_address_group: rule(`${ofReader} or rule:shared_address_groups`)('List and show address groups.'),
  update_address_group: member('Change an address group.'),
  delete_address_group: member('Delete an address group.'),
  add_addresses: member('Add addresses to an address group.'),
  remove_addresses: member('Remove addresses from an address group.'),
  create_address_scope: member('Create an address scope.'),
  'create_address_scope:shared': admin('Create a shared address scope.'),
  get_address_scope: rule(`${ofReader} or rule:shared_address_scopes`)('List and show address scopes.'),
  update_address_scope: member('Change an address scope.'),
  'update_address_scope:shared': admin('Change `shared` of an address scope.'),
  delete_address_scope: member('Delete an address scope.'),
  create_subnetpool: member('Create a subnet pool.'),
  'create_subnetpool:shared': admin('Create a shared subnet pool.'),
  'create_subnetpool:is_default': admin('Specify `is_default` of a new subnet pool.'),
  get_subnetpool: rule(`${ofReader} or rule:shared_subnetpools`)('List and show subnet pools.'),
  update_subnetpool: member('Change a subnet pool.'),
  'update_subnetpool:is_default': admin('Change `is_default` of a subnet pool.'),
  delete_subnetpool: member('Delete a subnet pool.'),
  add_prefixes: member('Add prefixes to a subnet pool.'),
  remove_prefixes: member('Remove prefixes from a subnet pool that no subnet has.'),
  ...tagRules('subnetpool', `${ofReader} or rule:shared_subnetpools`, ofMember),
} as const satisfies Record<string, PolicyRule>;
