/** Rules of security groups. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, member, ofMember, ofReader, rule, tagRules } from './base.ts';

const visible = `${ofReader} or rule:shared_security_group`;

export const securityGroupRules = {
  create_security_group: member('Create a security group.'),
  get_security_group: rule(visible)('List and show security groups.'),
  update_security_group: member('Change a security group.'),
  delete_security_group: member('Delete a security group.'),
  ...tagRules('security_group', visible, ofMember),
  create_security_group_rule: rule('rule:admin_only or role:member and rule:sg_owner')('Create a security group rule.'),
  get_security_group_rule: rule('rule:admin_only or role:reader and rule:sg_owner')('List and show security group rules.'),
  create_default_security_group_rule: admin('Create a template of the rules of new security groups.'),
  get_default_security_group_rule: rule('role:reader')('List and show the templates of the rules of new security groups.'),
  delete_default_security_group_rule: admin('Delete a template of the rules of new security groups.'),
  delete_security_group_rule: rule('rule:admin_only or role:member and rule:sg_owner')('Delete a security group rule.'),
} as const satisfies Record<string, PolicyRule>;
