/** `/default-security-group-rules`: templates of the rules of new security groups. */
import { Type } from 'typebox';
import {
  createDefaultRule,
  deleteDefaultRule,
  missingDefaultRule,
  type NewDefaultRule,
} from '#services/network/default-security-group-rules.ts';
import { listTables } from '#store/list-tables.ts';
import type { DefaultSecurityGroupRule } from '#store/tables/security-groups.ts';
import { booleanField, integerField, nullableField, textFields } from '../http/list.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import type { NetworkRule } from './policy.ts';
import { resourceOf, resourceRoutes } from './resource.ts';
import { ruleAttributes } from './security-groups.ts';
import { Owner } from './standard-attributes.ts';

const Text = Type.String();

const view = viewOf<DefaultSecurityGroupRule, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  description: { type: Text, value: ({ description }) => description },
  direction: { type: Text, value: ({ direction }) => direction },
  ethertype: { type: Text, value: ({ ethertype }) => ethertype },
  protocol: { type: Nullable(Text), value: ({ protocol }) => protocol },
  port_range_min: { type: Nullable(Type.Integer()), value: ({ port_range_min }) => port_range_min },
  port_range_max: { type: Nullable(Type.Integer()), value: ({ port_range_max }) => port_range_max },
  remote_ip_prefix: { type: Nullable(Text), value: ({ remote_ip_prefix }) => remote_ip_prefix },
  remote_group_id: { type: Nullable(Text), value: ({ remote_group_id }) => remote_group_id },
  remote_address_group_id: { type: Nullable(Text), value: ({ remote_address_group_id }) => remote_address_group_id },
  used_in_default_sg: { type: Type.Boolean(), value: ({ used_in_default_sg }) => used_in_default_sg },
  used_in_non_default_sg: { type: Type.Boolean(), value: ({ used_in_non_default_sg }) => used_in_non_default_sg },
});

export const defaultSecurityGroupRules = resourceOf<DefaultSecurityGroupRule, NewDefaultRule>()({
  noun: 'default_security_group_rule',
  plural: 'default_security_group_rules',
  path: 'default-security-group-rules',
  title: 'a template of the rules of new security groups',
  collection: (store) => store.default_security_group_rules,
  table: listTables.default_security_group_rules,
  visible: () => [],
  missing: missingDefaultRule,
  fields: {
    ...textFields('id', 'description', 'direction', 'ethertype'),
    ...Object.fromEntries(
      ['protocol', 'remote_ip_prefix', 'remote_group_id', 'remote_address_group_id'].map((name) => [name, nullableField(name)]),
    ),
    port_range_min: integerField('port_range_min'),
    port_range_max: integerField('port_range_max'),
    used_in_default_sg: booleanField('used_in_default_sg'),
    used_in_non_default_sg: booleanField('used_in_non_default_sg'),
  },
  view,
  items: async (_, rows) => rows,
  create: {
    body: Type.Object(
      { ...Owner, ...ruleAttributes, used_in_default_sg: Type.Boolean(), used_in_non_default_sg: Type.Boolean() },
      { additionalProperties: false },
    ),
    run: ({ context }, fields) => createDefaultRule(context, fields),
  },
  remove: ({ context }, row) => deleteDefaultRule(context, row),
});

export const defaultRuleRoutes = resourceRoutes(defaultSecurityGroupRules);
