/** Access rules of application credentials, which come with the credentials. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { deleteAccessRule, getAccessRule, listAccessRules } from '#services/identity/access-rules.ts';
import { refuseTrusts } from '#services/identity/application-credentials.ts';
import type { AccessRule } from '#store/tables/access-rules.ts';
import { type ListFields, textField } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, route } from './policy.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const methods = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'] as const;

/** Of a credential. */
export const AccessRuleFields = Type.Object(
  {
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    service: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' })),
    method: Type.Optional(Type.Union(methods.map((method) => Type.Literal(method)))),
    path: Type.Optional(Type.String({ maxLength: 225, pattern: '^/' })),
  },
  { additionalProperties: false },
);
const text = Type.String();
/** As tokens and credentials show it. */
export const ShownAccessRule = Type.Object({ id: text, service: text, method: text, path: text });

export const shownAccessRule = ({ id, service, method, path }: AccessRule) => ({ id, service, method, path });

const accessRuleView = viewOf<AccessRule>()({
  id: { type: text, value: ({ id }) => id },
  service: { type: text, value: ({ service }) => service },
  method: { type: text, value: ({ method }) => method },
  path: { type: text, value: ({ path }) => path },
  links: {
    type: SelfLink,
    value: ({ id, user_id }, { request, context }) => selfLink(context, request, `/users/${user_id}/access_rules/${id}`),
  },
});
const accessRuleFields: ListFields = { service: textField('service'), path: textField('path'), method: textField('method') };

const path = '/users/:user_id/access_rules';

export const accessRuleRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:list_access_rules',
    summary: 'List the access rules of a user',
    query: listQuery(accessRuleFields),
    reply: Type.Object({ access_rules: Type.Array(accessRuleView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:list_access_rules');
      const page = await listAccessRules(context, user_id, readListQuery(request.query, accessRuleFields));
      const links = collectionLinks(context, request, `/users/${user_id}/access_rules`, page);
      return { access_rules: page.items.map(accessRuleView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id`,
    policy: 'identity:get_access_rule',
    summary: 'Show an access rule of a user',
    reply: Type.Object({ access_rule: accessRuleView.schema }),
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:get_access_rule');
      const rule = await getAccessRule(context, { id: request.params.id, user_id });
      return { access_rule: accessRuleView.of(request, context)(rule) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:id`,
    policy: 'identity:delete_access_rule',
    summary: 'Delete an access rule that no application credential has',
    status: 204,
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:delete_access_rule');
      await deleteAccessRule(context, { id: request.params.id, user_id });
    },
  }),
];

type AccessRuleRule = `identity:${'get' | 'delete'}_access_rule` | 'identity:list_access_rules';

/** The user of the path, after the policy has allowed the caller their rules. */
function ownerOf(request: FastifyRequest, rule: AccessRuleRule): string {
  const { user_id } = request.params as { user_id: string };
  authorize(request, rule, { user_id, 'target.user.id': user_id });
  refuseTrusts(request.caller);
  return user_id;
}
