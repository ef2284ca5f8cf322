/** `/qos/policies/{id}/bandwidth_limit_rules` and the like, and the rules without their policy: `/qos/alias_…`. */
import { type Static, type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createQosRule, deleteQosRule, missingQosRule, updateQosRule } from '#services/network/qos-rules.ts';
import { isEqual } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import { type QosPolicy, type QosRule, type QosRuleType, qosRuleTypes } from '#store/tables/qos.ts';
import { integerField, type ListFields, textFields } from '../http/list.ts';
import type { Row } from '../http/route.ts';
import { Links } from '../http/schemas.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery } from './list-query.ts';
import { allows, authorize, type NetworkRule, route } from './policy.ts';
import { qosPolicies } from './qos-policies.ts';
import { ruleBody, ruleFieldsOf, ruleSchemas, ruleTypeTable } from './qos-rule-types.ts';
import { type Call, findRow } from './resource.ts';

type Verb = 'create' | 'get' | 'update' | 'delete';
type Place = 'policy' | 'alias';
const words: Readonly<Record<QosRuleType, string>> = {
  bandwidth_limit: 'bandwidth limit',
  dscp_marking: 'DSCP mark',
  minimum_bandwidth: 'minimum bandwidth',
  minimum_packet_rate: 'minimum packet rate',
  packet_rate_limit: 'packet rate limit',
};

const ruleName = (place: Place, verb: Verb, type: QosRuleType) => `${verb}_${place}_${type}_rule` as NetworkRule;

type Asked = { readonly verb: Verb; readonly place: Place; readonly type: QosRuleType };

/** @throws Fault `missing` if the policy, or a rule of it, does not exist for the caller */
async function policyOf(call: Call, asked: Asked, { id, missing }: { id: string; missing: () => Fault }): Promise<QosPolicy> {
  const { row } = await findRow({ ...qosPolicies, missing }, call, id);
  const { project_id } = row as QosPolicy;
  const target = { project_id, 'ext_parent:project_id': project_id };
  const rule = ruleName(asked.place, asked.verb, asked.type);
  if (asked.verb === 'get' && !allows(call.request, rule, target)) throw missing();
  authorize(call.request, rule, target);
  return row as QosPolicy;
}

/** @throws Fault `missing` */
async function findRule(
  call: Call,
  asked: Asked,
  { policy, rule }: { policy?: string | undefined; rule: string },
): Promise<QosRule> {
  const { store } = call.context;
  if (policy !== undefined) {
    await policyOf(call, asked, { id: policy, missing: () => qosPolicies.missing(policy) });
    const found = await store.qos_rules.find({ id: rule, qos_policy_id: policy, type: asked.type });
    if (!found) throw missingQosRule(rule, policy);
    return found;
  }
  const found = await store.qos_rules.find({ id: rule, type: asked.type });
  if (!found) throw missingQosRule(rule);
  await policyOf(call, asked, { id: found.qos_policy_id, missing: () => missingQosRule(rule) });
  return found;
}

function fieldsOf(type: QosRuleType): ListFields {
  const { value, burst, directions } = ruleTypeTable[type];
  return {
    ...textFields('id', ...(directions.length > 0 ? ['direction'] : [])),
    [value]: integerField('value'),
    ...(burst && { [burst]: integerField('burst') }),
  };
}

const shownAs = (rule: QosRule) => ruleBody(rule) as Readonly<Record<string, unknown>> & { readonly id: string };

function collectionRoutes(type: QosRuleType): Row[] {
  const [plural, noun] = [`${type}_rules`, `${type}_rule`];
  const path = `/qos/policies/:policy_id/${plural}` as '/x/:policy_id';
  const [fields, schemas] = [fieldsOf(type), ruleSchemas(type)];
  return [
    route({
      ...{
        method: 'GET',
        path,
        policy: ruleName('policy', 'get', type),
        summary: `List the ${words[type]} rules of a QoS policy`,
      },
      query: listQuery(fields),
      reply: Type.Object({ [plural]: Type.Array(schemas.shown), [`${plural}_links`]: Type.Optional(Links) }) as TSchema,
      async handler(request, context) {
        const call = { request, context };
        const query = readNetworkQuery(request.query, fields);
        const { policy_id } = request.params;
        await policyOf(
          call,
          { verb: 'get', place: 'policy', type },
          { id: policy_id, missing: () => qosPolicies.missing(policy_id) },
        );
        const visible = [isEqual('qos_policy_id', policy_id), isEqual('type', type)];
        const page = await listRows({ collection: context.store.qos_rules, table: listTables.qos_rules, visible }, query);
        return listBody(call, plural, { ...page, items: page.items.map(shownAs) });
      },
    }),
    route({
      ...{
        method: 'POST',
        path,
        policy: ruleName('policy', 'create', type),
        summary: `Create a ${words[type]} rule`,
        status: 201,
      },
      body: Type.Object({ [noun]: schemas.created }) as TSchema,
      reply: Type.Object({ [noun]: schemas.shown }) as TSchema,
      handler: (request, context) =>
        context.store.transaction(async (store) => {
          const call = { request, context: { ...context, store } };
          const { policy_id } = request.params;
          const asked = { verb: 'create', place: 'policy', type } as const;
          const policy = await policyOf(call, asked, { id: policy_id, missing: () => qosPolicies.missing(policy_id) });
          const { burst, directions } = ruleTypeTable[type];
          const defaults = { value: 0, burst: burst ? 0 : null, direction: directions[0] ?? null };
          const fields = { ...defaults, ...ruleFieldsOf(type, bodyIn(request.body, noun)) };
          return { [noun]: shownAs(await createQosRule(call.context, policy, { type, fields })) };
        }),
    }),
  ];
}

const bodyIn = (body: unknown, noun: string) => (body as Record<string, Record<string, unknown>>)[noun] ?? {};

function ruleRoutes(place: Place, type: QosRuleType): Row[] {
  const noun = place === 'alias' ? `alias_${type}_rule` : `${type}_rule`;
  const path = (place === 'alias' ? `/qos/${noun}s/:id` : `/qos/policies/:policy_id/${noun}s/:id`) as '/x/:id';
  const schemas = ruleSchemas(type);
  const named = (params: object) => {
    const { policy_id, id } = params as { policy_id?: string; id: string };
    return { policy: policy_id, rule: id };
  };
  const of = place === 'alias' ? `a ${words[type]} rule without its policy` : `a ${words[type]} rule`;
  const row = (verb: Verb, word: string) => ({ path, policy: ruleName(place, verb, type), summary: `${word} ${of}` }) as const;
  return [
    route({
      ...{ method: 'GET', ...row('get', 'Show') },
      query: fieldsQuery,
      reply: Type.Object({ [noun]: schemas.shown }) as TSchema,
      async handler(request, context) {
        const rule = await findRule({ request, context }, { verb: 'get', place, type }, named(request.params));
        return { [noun]: project(shownAs(rule), request.query) };
      },
    }),
    route({
      ...{ method: 'PUT', ...row('update', 'Change') },
      body: Type.Object({ [noun]: schemas.changed }) as TSchema,
      reply: Type.Object({ [noun]: schemas.shown }) as TSchema,
      handler: (request, context) =>
        context.store.transaction(async (store) => {
          const call = { request, context: { ...context, store } };
          const rule = await findRule(call, { verb: 'update', place, type }, named(request.params));
          const fields = ruleFieldsOf(type, bodyIn(request.body, noun));
          return { [noun]: shownAs(await updateQosRule(call.context, rule, fields)) };
        }),
    }),
    route({
      ...{ method: 'DELETE', ...row('delete', 'Delete'), status: 204 },
      handler: (request, context) =>
        context.store.transaction(async (store) => {
          const call = { request, context: { ...context, store } };
          const rule = await findRule(call, { verb: 'delete', place, type }, named(request.params));
          await deleteQosRule(call.context, rule);
        }),
    }),
  ];
}

const RuleType = Type.Object({ type: Type.String() });
const Driver = Type.Object({ name: Type.String(), supported_parameters: Type.Array(Type.Object({})) });
const flags = { all_supported: Type.Optional(Type.String()), all_rules: Type.Optional(Type.String()) };

/** All can be made, and no driver enforces them. */
const ruleTypeRoutes: Row[] = [
  route({
    method: 'GET',
    path: '/qos/rule-types',
    policy: 'get_rule_type',
    summary: 'List the types of the rules of QoS policies',
    query: Type.Object({ ...fieldsQuery.properties, ...flags, type: Type.Optional(Type.String()) }),
    reply: Type.Object({ rule_types: Type.Array(RuleType) }),
    handler({ query }) {
      const types = qosRuleTypes.filter((type) => query.type === undefined || query.type === type);
      return { rule_types: types.map((type) => project({ type }, query)) };
    },
  }),
  route({
    method: 'GET',
    path: '/qos/rule-types/:type',
    policy: 'get_rule_type',
    summary: 'Show a type of the rules of QoS policies',
    query: fieldsQuery,
    reply: Type.Object({ rule_type: Type.Object({ type: Type.String(), drivers: Type.Array(Driver) }) }),
    handler({ params, query, caller }) {
      if (!caller.is_admin) throw new Fault('forbidden', { detail: 'Not authorized.' });
      const type = qosRuleTypes.find((each) => each === params.type);
      if (!type) throw new Fault('notFound', { what: 'QoS rule type', id: params.type });
      const drivers: Static<typeof Driver>[] = [];
      return { rule_type: project({ type, drivers }, query) };
    },
  }),
];

export const qosRuleRoutes = [
  ...ruleTypeRoutes,
  ...qosRuleTypes.flatMap((type) => [...collectionRoutes(type), ...ruleRoutes('policy', type)]),
  ...qosRuleTypes.filter((type) => ruleTypeTable[type].hasAlias).flatMap((type) => ruleRoutes('alias', type)),
];
