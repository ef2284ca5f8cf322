/** `/qos/policies`: limits and guarantees as facts for clients; nothing enforces them. */
import { Type } from 'typebox';
import {
  createQosPolicy,
  deleteQosPolicy,
  missingQosPolicy,
  type NewQosPolicy,
  type QosPolicyChanges,
  updateQosPolicy,
} from '#services/network/qos-policies.ts';
import { asSeenBy, ownOrShared } from '#services/network/visibility.ts';
import { listTables } from '#store/list-tables.ts';
import type { QosPolicy, QosRule } from '#store/tables/qos.ts';
import { booleanField, type ListFields } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { sharedField, taggedFields } from './list-query.ts';
import type { NetworkRule } from './policy.ts';
import { ruleBody } from './qos-rule-types.ts';
import { resourceOf, resourceRoutes, sharedTargets } from './resource.ts';
import { Description, Name, Owner, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

type Item = QosPolicy & { readonly shared: boolean; readonly rules: readonly QosRule[] };

const qosPolicyView = viewOf<Item, NetworkRule>()({
  ...taggedView((policy: Item) => policy),
  is_default: { type: Type.Boolean(), value: ({ is_default }) => is_default },
  shared: { type: Type.Boolean(), value: ({ shared }) => shared },
  rules: {
    type: Type.Array(Type.Object({})),
    value: ({ rules }) => rules.map((rule) => ({ ...ruleBody(rule), qos_policy_id: rule.qos_policy_id, type: rule.type })),
  },
});

const Changes = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(Description),
    shared: Type.Optional(Type.Boolean()),
    is_default: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const fieldsFor = (project_id: string): ListFields => ({
  ...taggedFields,
  is_default: booleanField('is_default'),
  shared: sharedField('qos_policy', project_id),
});

export const qosPolicies = resourceOf<QosPolicy, NewQosPolicy, QosPolicyChanges>()({
  noun: 'policy',
  plural: 'policies',
  path: 'qos/policies',
  title: 'a QoS policy',
  collection: (store) => store.qos_policies,
  table: listTables.qos_policies,
  visible: (caller) => ownOrShared('qos_policy', caller),
  missing: missingQosPolicy,
  fields: fieldsFor(''),
  fieldsFor: ({ caller }) => fieldsFor(caller.project_id),
  view: qosPolicyView,
  async items({ request, context: { store } }, rows) {
    const where = { qos_policy_id: rows.map(({ id }) => id) };
    const rules = Map.groupBy(await store.qos_rules.list(where, { orderBy: 'created_at' }), (rule) => rule.qos_policy_id);
    const seen = await asSeenBy(store, request.caller, rows);
    return seen.map((policy) => ({ ...policy, rules: rules.get(policy.id) ?? [] }));
  },
  targets: sharedTargets,
  create: {
    body: Type.Object({ ...Changes.properties, ...Owner }, { additionalProperties: false }),
    run: ({ request, context }, fields) => createQosPolicy(context, request.caller, fields),
  },
  update: {
    body: Changes,
    run: ({ context }, policy, fields) => updateQosPolicy(context, policy, fields),
  },
  remove: ({ context }, policy) => deleteQosPolicy(context, policy),
});

/** Clients that know the tags of older Neutrons ask without the prefix. */
const unprefixed = { ...qosPolicies, path: 'policies' };

export const qosPolicyRoutes = [...resourceRoutes(qosPolicies), ...tagRoutes(qosPolicies), ...tagRoutes(unprefixed)];
