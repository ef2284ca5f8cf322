/** `/security-groups` and `/security-group-rules`: kept and shown; nothing filters by them. */
import { Type } from 'typebox';
import { booleanOf } from '#services/loose-booleans.ts';
import { normalizedCidr } from '#services/network/security-group-rule-plan.ts';
import {
  checkTogether,
  createGroup,
  createRule,
  deleteGroup,
  deleteRule,
  ensureDefaultGroup,
  type GroupChanges,
  missingGroup,
  missingRule,
  type NewGroup,
  type NewRule,
  rulesByGroup,
  updateGroup,
  visibleGroups,
  visibleRules,
} from '#services/network/security-groups.ts';
import { asSeenBy } from '#services/network/visibility.ts';
import { anyOf, isAmong, isEqual, isNot } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { SecurityGroup, SecurityGroupRule } from '#store/tables/security-groups.ts';
import { booleanField, integerField, nullableField, textFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { revisedFields, taggedFields } from './list-query.ts';
import { type NetworkRule, targetIn } from './policy.ts';
import { type Call, resourceOf, resourceRoutes, sharedTargets } from './resource.ts';
import { Description, Name, Owner, revisedView, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const Text = Type.String();
const Id = Type.String({ maxLength: 36 });

type RuleItem = { readonly rule: SecurityGroupRule; readonly isOfDefault: boolean; readonly isEmbedded?: true };

const ruleView = viewOf<RuleItem, NetworkRule>()({
  ...revisedView(({ rule }: RuleItem) => rule),
  security_group_id: { type: Text, value: ({ rule }) => rule.security_group_id },
  direction: { type: Text, value: ({ rule }) => rule.direction },
  ethertype: { type: Text, value: ({ rule }) => rule.ethertype },
  protocol: { type: Nullable(Text), value: ({ rule }) => rule.protocol },
  port_range_min: { type: Nullable(Type.Integer()), value: ({ rule }) => rule.port_range_min },
  port_range_max: { type: Nullable(Type.Integer()), value: ({ rule }) => rule.port_range_max },
  remote_ip_prefix: { type: Nullable(Text), value: ({ rule }) => rule.remote_ip_prefix },
  normalized_cidr: { type: Nullable(Text), value: ({ rule }) => normalizedCidr(rule.remote_ip_prefix) },
  remote_group_id: { type: Nullable(Text), value: ({ rule }) => rule.remote_group_id },
  remote_address_group_id: { type: Nullable(Text), value: ({ rule }) => rule.remote_address_group_id },
  belongs_to_default_sg: { type: Type.Boolean(), value: ({ isOfDefault }) => isOfDefault },
  // In a group Neutron shows the tags of a rule, though nobody can set them.
  tags: { type: Type.Array(Text), when: ({ isEmbedded }) => isEmbedded === true, value: () => [] },
});

type GroupItem = { readonly group: SecurityGroup; readonly shared: boolean; readonly rules: readonly SecurityGroupRule[] };

const groupView = viewOf<GroupItem, NetworkRule>()({
  ...taggedView(({ group }: GroupItem) => group),
  stateful: { type: Type.Boolean(), value: ({ group }) => group.stateful },
  shared: { type: Type.Boolean(), value: ({ shared }) => shared },
  security_group_rules: {
    type: Type.Array(ruleView.schema),
    value({ group, rules }, { request, context }) {
      const show = ruleView.of(request, context);
      return rules.map((rule) => show({ rule, isOfDefault: group.default_of !== null, isEmbedded: true }));
    },
  },
});

const GroupChangesBody = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(Description),
    stateful: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const securityGroups = resourceOf<SecurityGroup, NewGroup, GroupChanges>()({
  noun: 'security_group',
  plural: 'security_groups',
  path: 'security-groups',
  title: 'a security group',
  collection: (store) => store.security_groups,
  table: listTables.security_groups,
  visible: visibleGroups,
  missing: missingGroup,
  fields: { ...taggedFields, stateful: booleanField('stateful') },
  view: groupView,
  async items({ request, context }, rows) {
    const rules = await rulesByGroup(context, rows);
    const seen = await asSeenBy(context.store, request.caller, rows);
    return seen.map(({ shared, ...group }) => ({ group, shared, rules: rules.get(group.id) ?? [] }));
  },
  targets: sharedTargets,
  beforeList: ({ request, context }) => ensureDefaultGroup(context, request.caller, projectIn(request.query)),
  create: {
    body: Type.Object({ ...GroupChangesBody.properties, ...Owner }, { additionalProperties: false }),
    run: ({ request, context }, fields) => createGroup(context, request.caller, fields),
  },
  update: {
    body: GroupChangesBody,
    run: ({ context }, group, fields) => updateGroup(context, group, fields),
  },
  remove: ({ request, context }, group) => deleteGroup(context, request.caller, group),
});

/** Of a list that is filtered by one project. */
function projectIn(query: unknown): string | undefined {
  const { project_id, tenant_id } = query as Record<string, string | string[] | undefined>;
  return [project_id ?? tenant_id ?? []].flat()[0];
}

const Loose = Maybe(Type.Union([Type.String({ maxLength: 40 }), Type.Integer()]));
/** What a rule says, whether of a group or of a template. */
export const ruleAttributes = {
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Maybe(Type.String({ maxLength: 40 })),
  protocol: Loose,
  port_range_min: Loose,
  port_range_max: Loose,
  remote_ip_prefix: Maybe(Type.String({ maxLength: 255 })),
  remote_group_id: Maybe(Id),
  remote_address_group_id: Maybe(Id),
  description: Maybe(Description),
};
const NewRuleBody = Type.Object({ ...Owner, security_group_id: Id, ...ruleAttributes }, { additionalProperties: false });

async function groupsOf({ context }: Call, rules: readonly { security_group_id: string }[]) {
  const ids = [...new Set(rules.map(({ security_group_id }) => security_group_id))];
  const groups = await context.store.security_groups.list({ id: ids });
  return new Map(groups.map((group) => [group.id, group]));
}

/** Their owner is that of their group. */
const targetOf = (group: SecurityGroup | undefined, rule: { readonly project_id: string }) => ({
  ...targetIn(undefined, rule),
  'security_group:project_id': group?.project_id ?? '',
});

const ofDefault = isAmong('security_group_id', {
  table: 'security_groups',
  select: 'id',
  where: [isNot(isEqual('default_of', null))],
});

export const securityGroupRules = resourceOf<SecurityGroupRule, NewRule>()({
  noun: 'security_group_rule',
  plural: 'security_group_rules',
  path: 'security-group-rules',
  title: 'a security group rule',
  collection: (store) => store.security_group_rules,
  table: listTables.security_group_rules,
  visible: visibleRules,
  missing: missingRule,
  fields: {
    ...revisedFields,
    ...textFields('security_group_id', 'direction', 'ethertype'),
    ...Object.fromEntries(
      ['protocol', 'remote_ip_prefix', 'remote_group_id', 'remote_address_group_id'].map((name) => [name, nullableField(name)]),
    ),
    port_range_min: integerField('port_range_min'),
    port_range_max: integerField('port_range_max'),
    belongs_to_default_sg: {
      filter: (values) =>
        anyOf(...values.map((value) => (booleanOf('belongs_to_default_sg', value) ? ofDefault : isNot(ofDefault)))),
    },
  },
  view: ruleView,
  async items(call, rules) {
    const groups = await groupsOf(call, rules);
    return rules.map((rule) => ({ rule, isOfDefault: (groups.get(rule.security_group_id)?.default_of ?? null) !== null }));
  },
  async targets(call, rules) {
    const groups = await groupsOf(call, rules);
    return rules.map((rule) => targetOf(groups.get(rule.security_group_id), rule));
  },
  beforeList: ({ request, context }) => ensureDefaultGroup(context, request.caller, projectIn(request.query)),
  create: {
    body: NewRuleBody,
    together: checkTogether,
    async target(call, fields) {
      const groups = await groupsOf(call, [fields]);
      const group = groups.get(fields.security_group_id);
      const { is_admin, project_id } = call.request.caller;
      const isSeen = group && (await asSeenBy(call.context.store, call.request.caller, [group]))[0]?.shared;
      if (!group || !(is_admin || isSeen || group.project_id === project_id)) throw missingGroup(fields.security_group_id);
      return targetOf(group, { ...fields, project_id });
    },
    run: ({ request, context }, fields) => createRule(context, request.caller, fields),
  },
  remove: ({ context }, rule) => deleteRule(context, rule),
});

export const securityGroupRoutes = [
  ...resourceRoutes(securityGroups),
  ...tagRoutes(securityGroups),
  ...resourceRoutes(securityGroupRules),
];
