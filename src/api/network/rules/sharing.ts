/** Rules of RBAC policies, address groups and address scopes. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, member, ofReader, reader, rule } from './base.ts';

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
} as const satisfies Record<string, PolicyRule>;
