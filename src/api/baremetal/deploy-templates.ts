/** `/v1/deploy_templates`: deploy steps for instances that require a trait. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import {
  createDeployTemplate,
  DeployTemplateRequest,
  deleteDeployTemplate,
  findDeployTemplate,
  listDeployTemplates,
  patchDeployTemplate,
} from '#services/baremetal/deploy-templates.ts';
import { JsonPatch, recordBytes } from '#services/baremetal/json-patch.ts';
import { declaredSecrets } from '#services/baremetal/secrets.ts';
import type { DeployTemplate } from '#store/tables/deploy-templates.ts';
import type { ApiContext } from '../context.ts';
import { nextMember } from '../http/pagination.ts';
import { field, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';
import { shownSteps } from './shown-steps.ts';

const Reply = Type.Record(Type.String(), Type.Unknown());

type View = { template: DeployTemplate; base: string; secrets: ReadonlySet<string> };

const templateFields = [
  field<View>('uuid', 1, ({ template }) => template.uuid),
  field<View>('name', 1, ({ template }) => template.name),
  field<View>('steps', 1, ({ template, secrets }) => shownSteps(template.steps, secrets)),
  field<View>('extra', 1, ({ template }) => template.extra),
  field<View>('created_at', 1, ({ template }) => template.created_at),
  field<View>('updated_at', 1, ({ template }) => template.updated_at),
  field<View>('links', 1, ({ template, base }) => linksTo(base, `deploy_templates/${template.uuid}`)),
];
const briefFields = ['uuid', 'name'];

export const deployTemplateRoutes = [
  route({
    method: 'GET',
    path: '/deploy_templates',
    policy: 'baremetal:deploy_template:get',
    since: 55,
    summary: 'List deploy templates',
    query: PageQuery,
    reply: Type.Object({ deploy_templates: Type.Array(Reply), next: Word }),
    handler: (request, context) => templateList(context, request, request.query),
  }),
  route({
    method: 'POST',
    path: '/deploy_templates',
    policy: 'baremetal:deploy_template:create',
    since: 55,
    summary: 'Create a deploy template',
    status: 201,
    bodyLimit: recordBytes,
    body: DeployTemplateRequest,
    reply: Reply,
    async handler(request, context, reply) {
      const template = await createDeployTemplate(context, request.body);
      reply.header('location', linksTo(context.baseUrl(request), `deploy_templates/${template.uuid}`)[0]?.href);
      return templateJson(context, request, { template });
    },
  }),
  route({
    method: 'GET',
    path: '/deploy_templates/:template',
    policy: 'baremetal:deploy_template:get',
    since: 55,
    summary: 'Show a deploy template',
    query: Type.Object({ fields: Word }),
    reply: Reply,
    async handler(request, context) {
      const template = await findDeployTemplate(context, request.params.template);
      return templateJson(context, request, { template, ...request.query });
    },
  }),
  route({
    method: 'PATCH',
    path: '/deploy_templates/:template',
    policy: 'baremetal:deploy_template:update',
    since: 55,
    summary: 'Change a deploy template',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: Reply,
    async handler(request, context) {
      const template = await patchDeployTemplate(context, request.params.template, request.body);
      return templateJson(context, request, { template });
    },
  }),
  route({
    method: 'DELETE',
    path: '/deploy_templates/:template',
    policy: 'baremetal:deploy_template:delete',
    since: 55,
    summary: 'Delete a deploy template',
    status: 204,
    handler: (request, context) => deleteDeployTemplate(context, request.params.template),
  }),
];

async function templateList(context: ApiContext, request: FastifyRequest, query: Static<typeof PageQuery>) {
  const selection = selectionOf(query, briefFields);
  const { items, next } = await listDeployTemplates(context, pageOf(query));
  const deploy_templates = items.map((template) => templateJson(context, request, { template, ...selection }));
  return { deploy_templates, ...nextMember(context, request, next) };
}

type Shown = { template: DeployTemplate } & Omit<Selection, 'version'>;

function templateJson(context: ApiContext, request: FastifyRequest, { template, ...selection }: Shown) {
  const view = { template, base: context.baseUrl(request), secrets: declaredSecrets(context.drivers) };
  return selectFields(templateFields, view, { ...selection, version: request.microversion });
}
