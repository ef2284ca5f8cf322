/** Application credentials: secrets for programs, limited to one project and selected roles. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  createCredential,
  getCredential,
  listCredentials,
  refuseRestricted,
  refuseTrusts,
} from '#services/identity/application-credentials.ts';
import { longestPassword } from '#services/identity/passwords.ts';
import type { AccessRule } from '#store/tables/access-rules.ts';
import type { ApplicationCredential } from '#store/tables/application-credentials.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { AccessRuleFields, ShownAccessRule, shownAccessRule } from './access-rules.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { loginClientOf } from './login-client.ts';
import { authorize, identityPolicy, route } from './policy.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const CredentialRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  description: Maybe(Type.String({ maxLength: 255 })),
  secret: Maybe(Type.String({ minLength: 1, maxLength: longestPassword })),
  expires_at: Maybe(Type.String()),
  roles: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) }), { minItems: 1 }),
  ),
  unrestricted: Type.Optional(Type.Boolean()),
  access_rules: Type.Optional(Type.Array(AccessRuleFields, { maxItems: 50 })),
});

/** What a credential names by id: `names` are those of roles, `rules` its user's access rules. */
type Named = { readonly names: ReadonlyMap<string, string>; readonly rules: ReadonlyMap<string, AccessRule> };
/** `secret` only in the reply that creates it. */
type Shown = ApplicationCredential & Named & { readonly secret?: string };

async function namedFor({ store }: ApiContext, user_id: string): Promise<Named> {
  const names = new Map((await store.roles.pick(['id', 'name'])).map(({ id, name }) => [id, name]));
  const rules = new Map((await store.access_rules.list({ user_id })).map((rule) => [rule.id, rule]));
  return { names, rules };
}

const credentialView = viewOf<Shown>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  user_id: { type: Type.String(), value: ({ user_id }) => user_id },
  description: { type: Type.String(), value: ({ description }) => description },
  project_id: { type: Type.String(), value: ({ project_id }) => project_id },
  roles: {
    type: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.Null() })),
    value: ({ roles, names }) => roles.map((id) => ({ id, name: names.get(id) ?? id, domain_id: null })),
  },
  expires_at: { type: Nullable(Type.String()), value: ({ expires_at }) => expires_at },
  unrestricted: { type: Type.Boolean(), value: ({ unrestricted }) => unrestricted },
  access_rules: {
    type: Type.Array(ShownAccessRule),
    when: ({ access_rules }) => access_rules.length > 0,
    value: ({ access_rules, rules }) => access_rules.flatMap((id) => rules.get(id) ?? []).map(shownAccessRule),
  },
  secret: { type: Type.String(), when: ({ secret }) => secret !== undefined, value: ({ secret }) => secret ?? '' },
  links: {
    type: SelfLink,
    value: ({ id, user_id }, { request, context }) =>
      selfLink(context, request, `/users/${user_id}/application_credentials/${id}`),
  },
});
const CredentialReply = Type.Object({ application_credential: credentialView.schema });

const credentialFields: ListFields = { name: textField('name') };

const path = '/users/:user_id/application_credentials';

export const applicationCredentialRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:list_application_credentials',
    summary: "List one's application credentials",
    query: listQuery(credentialFields),
    reply: Type.Object({ application_credentials: Type.Array(credentialView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:list_application_credentials');
      const page = await listCredentials(context, user_id, readListQuery(request.query, credentialFields));
      const named = await namedFor(context, user_id);
      const show = credentialView.of(request, context);
      return {
        application_credentials: page.items.map((each) => show({ ...each, ...named })),
        links: collectionLinks(context, request, `/users/${user_id}/application_credentials`, page),
      };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id`,
    policy: 'identity:get_application_credential',
    summary: "Show one of one's application credentials",
    reply: CredentialReply,
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:get_application_credential');
      const credential = await getCredential(context, { id: request.params.id, user_id });
      const named = await namedFor(context, user_id);
      return { application_credential: credentialView.of(request, context)({ ...credential, ...named }) };
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'identity:create_application_credential',
    summary: 'Create an application credential: only this reply has its secret',
    status: 201,
    body: Type.Object({ application_credential: CredentialRequest }),
    reply: CredentialReply,
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:create_application_credential');
      // Whatever the policy file says: it has the roles of its user's token, which is the caller's.
      if (user_id !== request.caller.user_id) throw identityPolicy.denied('identity:create_application_credential');
      const requester = { client: loginClientOf(request), caller: request.caller, token: request.token };
      const { credential, secret } = await createCredential(context, requester, request.body.application_credential);
      const named = await namedFor(context, user_id);
      return { application_credential: credentialView.of(request, context)({ ...credential, secret, ...named }) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:id`,
    policy: 'identity:delete_application_credential',
    summary: "Delete one of one's application credentials",
    status: 204,
    async handler(request, context) {
      const user_id = ownerOf(request, 'identity:delete_application_credential');
      refuseRestricted(request.caller);
      const { id } = await getCredential(context, { id: request.params.id, user_id });
      await context.store.application_credentials.remove({ id });
    },
  }),
];

type CredentialRule = `identity:${'get' | 'create' | 'delete'}_application_credential` | 'identity:list_application_credentials';

/** The user of the path, after the policy has allowed the caller their credentials. */
function ownerOf(request: FastifyRequest, rule: CredentialRule): string {
  const { user_id } = request.params as { user_id: string };
  authorize(request, rule, { user_id });
  refuseTrusts(request.caller);
  return user_id;
}
