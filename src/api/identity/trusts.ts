/** Trusts (OS-TRUST): a user lets another one act with some of their roles in a project. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createTrust, deleteTrust, getStoredTrust, getTrust, listTrusts, refuseCredentials } from '#services/identity/trusts.ts';
import type { Role } from '#store/tables/roles.ts';
import type { Trust } from '#store/tables/trusts.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { linksTo, selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, type IdentityRule, route } from './policy.ts';
import { type TrustParties, trustTarget } from './policy-targets.ts';
import { roleView } from './role-view.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const Id = Type.String({ minLength: 1, maxLength: 255 });
const NamedRole = Type.Object(
  { id: Type.Optional(Id), name: Type.Optional(Id) },
  { minProperties: 1, maxProperties: 1, additionalProperties: false },
);
const TrustRequest = Type.Object({
  ...{
    trustor_user_id: Id,
    trustee_user_id: Id,
    impersonation: Type.Boolean(),
    project_id: Maybe(Type.String({ maxLength: 255 })),
  },
  roles: Type.Optional(Type.Array(NamedRole, { maxItems: 100 })),
  expires_at: Maybe(Type.String({ maxLength: 64 })),
  remaining_uses: Maybe(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
  allow_redelegation: Maybe(Type.Boolean()),
  redelegation_count: Maybe(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
});

/** `of`: its roles, which a list does not show. */
type Shown = Trust & { readonly of?: readonly Role[] };

const trustView = viewOf<Shown>()({
  id: { type: Type.String(), value: ({ id }) => id },
  trustor_user_id: { type: Type.String(), value: ({ trustor_user_id }) => trustor_user_id },
  trustee_user_id: { type: Type.String(), value: ({ trustee_user_id }) => trustee_user_id },
  project_id: { type: Nullable(Type.String()), value: ({ project_id }) => project_id || null },
  impersonation: { type: Type.Boolean(), value: ({ impersonation }) => impersonation },
  expires_at: { type: Nullable(Type.String()), value: ({ expires_at }) => expires_at },
  remaining_uses: { type: Nullable(Type.Integer()), value: ({ remaining_uses }) => remaining_uses },
  redelegated_trust_id: { type: Nullable(Type.String()), value: ({ redelegated_trust_id }) => redelegated_trust_id },
  redelegation_count: { type: Type.Integer(), value: ({ redelegation_count }) => redelegation_count },
  // What was deleted is gone.
  deleted_at: { type: Type.Null(), value: () => null },
  roles: {
    type: Type.Array(roleView.schema),
    when: ({ of }) => of !== undefined,
    value: ({ of = [] }, { request, context }) => of.map(roleView.of(request, context)),
  },
  roles_links: {
    type: CollectionLinks,
    when: ({ of }) => of !== undefined,
    value: ({ id }, { request, context }) => ({
      ...selfLink(context, request, `${pathOf(id)}/roles`),
      ...{ previous: null, next: null },
    }),
  },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, pathOf(id)) },
});
const TrustReply = Type.Object({ trust: trustView.schema });

const trustFields: ListFields = textFields('trustor_user_id', 'trustee_user_id');
const pathOf = (id: string) => `/OS-TRUST/trusts/${id}`;
const path = '/OS-TRUST/trusts';

export const trustRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:list_trusts_for_trustor',
    summary: 'List the trusts of a trustor or trustee, or all',
    query: listQuery(trustFields),
    reply: Type.Object({ trusts: Type.Array(trustView.schema), links: CollectionLinks }),
    async handler(request, context) {
      authorizeList(request, request.query as TrustParties);
      refuseCredentials(request.caller);
      const page = await listTrusts(context, readListQuery(request.query, trustFields));
      const links = collectionLinks(context, request, path, page);
      return { trusts: page.items.map(trustView.of(request, context)), links };
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'identity:create_trust',
    summary: 'Let another user act with some of the roles of the caller in a project',
    status: 201,
    body: Type.Object({ trust: TrustRequest }, { additionalProperties: false }),
    reply: TrustReply,
    async handler(request, context) {
      const { trust } = request.body;
      authorize(request, 'identity:create_trust', trustTarget(trust));
      const made = await createTrust(context, { caller: request.caller, token: request.token }, trust);
      return { trust: await whole(context, request, made) };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id`,
    policy: 'identity:get_trust',
    summary: 'Show a trust',
    reply: TrustReply,
    handler: async (request, context) => ({
      trust: await whole(context, request, await find(context, request, 'identity:get_trust')),
    }),
  }),
  route({
    method: 'DELETE',
    path: `${path}/:id`,
    policy: 'identity:delete_trust',
    summary: 'Delete a trust, and those redelegated from it; their tokens are void',
    status: 204,
    async handler(request, context) {
      const { id } = await find(context, request, 'identity:delete_trust', getStoredTrust);
      await deleteTrust(context, request.caller, id);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id/roles`,
    policy: 'identity:list_roles_for_trust',
    summary: 'List the roles of a trust',
    reply: Type.Object({ roles: Type.Array(roleView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const trust = await find(context, request, 'identity:list_roles_for_trust');
      const roles = (await rolesOf(context, trust)).map(roleView.of(request, context));
      return { roles, links: linksTo(context, request, `${pathOf(trust.id)}/roles`) };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id/roles/:role_id`,
    policy: 'identity:get_role_for_trust',
    summary: 'Show a role of a trust',
    reply: Type.Object({ role: roleView.schema }),
    async handler(request, context) {
      const { role_id } = request.params;
      const trust = await find(context, request, 'identity:get_role_for_trust');
      const role = (await rolesOf(context, trust)).find(({ id }) => id === role_id);
      if (!role) throw new Fault('notFound', { what: 'Role', id: role_id });
      return { role: roleView.of(request, context)(role) };
    },
  }),
];

/** Those of a trustor or trustee: each filter that is given must be allowed, or else one may list all. */
function authorizeList(request: FastifyRequest, { trustor_user_id, trustee_user_id }: TrustParties): void {
  if (trustor_user_id) authorize(request, 'identity:list_trusts_for_trustor', trustTarget({ trustor_user_id }));
  else if (trustee_user_id) authorize(request, 'identity:list_trusts_for_trustee', trustTarget({ trustee_user_id }));
  else authorize(request, 'identity:list_trusts');
}

type TrustRule = Extract<IdentityRule, `identity:${string}_trust`>;

/** As in Keystone, one that does not exist is not found by anyone. */
async function find(context: ApiContext, request: FastifyRequest, rule: TrustRule, get = getTrust): Promise<Trust> {
  const { id } = request.params as { id: string };
  const trust = await get(context, id);
  authorize(request, rule, trustTarget(trust));
  refuseCredentials(request.caller);
  return trust;
}

const rolesOf = ({ store }: ApiContext, { roles }: Trust): Promise<Role[]> => store.roles.list({ id: roles }, { orderBy: 'id' });

async function whole(context: ApiContext, request: FastifyRequest, trust: Trust) {
  return trustView.of(request, context)({ ...trust, of: await rolesOf(context, trust) });
}
