/** `/v1/inspection_rules`: what is done with the data of an inspection. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import {
  createInspectionRule,
  deleteInspectionRule,
  findInspectionRule,
  InspectionRuleRequest,
  listInspectionRules,
  patchInspectionRule,
} from '#services/baremetal/inspection-rules.ts';
import { JsonPatch, recordBytes } from '#services/baremetal/json-patch.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { ApiContext } from '../context.ts';
import { nextMember } from '../http/pagination.ts';
import { field, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';

const Reply = Type.Record(Type.String(), Type.Unknown());
const RuleQuery = Type.Interface([PageQuery], { phase: Word });

type View = { rule: InspectionRule; base: string };
const plain = (name: keyof InspectionRule) => field<View>(name, 1, ({ rule }) => rule[name]);
const hidden = (name: 'conditions' | 'actions') => field<View>(name, 1, ({ rule }) => (rule.sensitive ? null : rule[name]));

const ruleFields = [
  ...(['uuid', 'description', 'priority', 'sensitive', 'phase'] as const).map(plain),
  ...(['conditions', 'actions'] as const).map(hidden),
  plain('created_at'),
  plain('updated_at'),
  field<View>('links', 1, ({ rule, base }) => linksTo(base, `inspection_rules/${rule.uuid}`)),
];
const briefFields = ['uuid', 'priority', 'phase', 'description'];

export const inspectionRuleRoutes = [
  route({
    method: 'GET',
    path: '/inspection_rules',
    policy: 'baremetal:inspection_rule:get',
    since: 96,
    summary: 'List inspection rules',
    query: RuleQuery,
    reply: Type.Object({ inspection_rules: Type.Array(Reply), next: Word }),
    handler: (request, context) => ruleList(context, request, request.query),
  }),
  route({
    method: 'POST',
    path: '/inspection_rules',
    policy: 'baremetal:inspection_rule:create',
    since: 96,
    summary: 'Create an inspection rule',
    status: 201,
    bodyLimit: recordBytes,
    body: InspectionRuleRequest,
    reply: Reply,
    async handler(request, context, reply) {
      const rule = await createInspectionRule(context, request.body);
      reply.header('location', linksTo(context.baseUrl(request), `inspection_rules/${rule.uuid}`)[0]?.href);
      return ruleJson(context, request, { rule });
    },
  }),
  route({
    method: 'GET',
    path: '/inspection_rules/:rule',
    policy: 'baremetal:inspection_rule:get',
    since: 96,
    summary: 'Show an inspection rule',
    query: Type.Object({ fields: Word }),
    reply: Reply,
    async handler(request, context) {
      const rule = await findInspectionRule(context, request.params.rule);
      return ruleJson(context, request, { rule, ...request.query });
    },
  }),
  route({
    method: 'PATCH',
    path: '/inspection_rules/:rule',
    policy: 'baremetal:inspection_rule:update',
    since: 96,
    summary: 'Change an inspection rule',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: Reply,
    async handler(request, context) {
      return ruleJson(context, request, { rule: await patchInspectionRule(context, request.params.rule, request.body) });
    },
  }),
  route({
    method: 'DELETE',
    path: '/inspection_rules/:rule',
    policy: 'baremetal:inspection_rule:delete',
    since: 96,
    summary: 'Delete an inspection rule',
    status: 204,
    handler: (request, context) => deleteInspectionRule(context, request.params.rule),
  }),
];

async function ruleList(context: ApiContext, request: FastifyRequest, query: Static<typeof RuleQuery>) {
  const selection = selectionOf(query, briefFields);
  const { items, next } = await listInspectionRules(context, pageOf(query), query.phase);
  const inspection_rules = items.map((rule) => ruleJson(context, request, { rule, ...selection }));
  return { inspection_rules, ...nextMember(context, request, next) };
}

type Shown = { rule: InspectionRule } & Omit<Selection, 'version'>;

function ruleJson(context: ApiContext, request: FastifyRequest, { rule, ...selection }: Shown) {
  return selectFields(ruleFields, { rule, base: context.baseUrl(request) }, { ...selection, version: request.microversion });
}
