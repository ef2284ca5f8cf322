/** Security groups and their rules, as in Neutron. They are kept and shown; nothing filters by them. */
import { RevisedCollection, type StandardAttributes, type UnnamedAttributes } from './standard-attributes.ts';

export type SecurityGroup = StandardAttributes & {
  stateful: boolean;
  /** The project whose default group it is; null: a group that somebody has made. Unique. */
  default_of: string | null;
};

export type SecurityGroupRule = UnnamedAttributes & {
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** A name or a number; null: any. */
  protocol: string | null;
  /** Ports, or type and code of ICMP. */
  port_range_min: number | null;
  port_range_max: number | null;
  /** At most one of the three: from or to whom. */
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  remote_address_group_id: string | null;
};

/** A template: each new group has its rule. It is of no project: `project_id` is empty. */
export type DefaultSecurityGroupRule = Omit<SecurityGroupRule, 'security_group_id'> & {
  used_in_default_sg: boolean;
  used_in_non_default_sg: boolean;
};
/** As `remote_group_id` of a template: the group itself that has the rule. */
export const parentGroup = 'PARENT';

export class SecurityGroups extends RevisedCollection<SecurityGroup> {
  static override readonly table = { name: 'security_groups', json: ['tags'], boolean: ['stateful'] };
}

export class SecurityGroupRules extends RevisedCollection<SecurityGroupRule> {
  static override readonly table = { name: 'security_group_rules' };
}

export class DefaultSecurityGroupRules extends RevisedCollection<DefaultSecurityGroupRule> {
  static override readonly table = {
    name: 'default_security_group_rules',
    boolean: ['used_in_default_sg', 'used_in_non_default_sg'],
  };
}
