/** Which role implies which. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  createInference,
  deleteInference,
  getInference,
  type Inference,
  impliedRoles,
} from '#services/identity/implied-roles.ts';
import { builtInRoles } from '#services/identity/role-graph.ts';
import { getRole } from '#services/identity/roles.ts';
import type { Role } from '#store/tables/roles.ts';
import type { ApiContext } from '../context.ts';
import { selfLink } from './links.ts';
import { route } from './policy.ts';
import { linkedView } from './role-view.ts';
import { SelfLink } from './schemas.ts';

const Inferences = Type.Object({ prior_role: linkedView.schema, implies: Type.Array(linkedView.schema) });
const InferenceReply = Type.Object({
  role_inference: Type.Object({ prior_role: linkedView.schema, implies: linkedView.schema }),
  links: SelfLink,
});
const path = '/roles/:id/implies/:role_id';

export const impliedRoleRoutes = [
  route({
    method: 'GET',
    path: '/role_inferences',
    policy: 'identity:list_role_inference_rules',
    summary: 'List which role implies which',
    reply: Type.Object({ role_inferences: Type.Array(Inferences) }),
    async handler(request, context) {
      const priors = (await context.store.implied_roles.list()).map(({ prior_role_id }) => prior_role_id);
      const roles = await context.store.roles.list({ id: [...new Set(priors)] }, { orderBy: 'name' });
      const sorted = roles.toSorted((one, other) => rankOf(one) - rankOf(other));
      return { role_inferences: await Promise.all(sorted.map((prior) => inferencesOf(context, request, prior))) };
    },
  }),
  route({
    method: 'GET',
    path: '/roles/:id/implies',
    policy: 'identity:list_implied_roles',
    summary: 'List the roles that a role implies',
    reply: Type.Object({ role_inference: Inferences, links: SelfLink }),
    async handler(request, context) {
      const prior = await getRole(context, request.params.id);
      const links = selfLink(context, request, `/roles/${prior.id}/implies`);
      return { role_inference: await inferencesOf(context, request, prior), links };
    },
  }),
  route({
    method: 'GET',
    path,
    policy: 'identity:get_implied_role',
    summary: 'Show whether a role implies another',
    reply: InferenceReply,
    async handler(request, context, reply) {
      const inference = await getInference(context, request.params.id, request.params.role_id);
      // The API says so, though the reply of a HEAD should be that of the GET.
      if (request.method === 'HEAD') reply.code(204);
      return replyOf(context, request, inference);
    },
  }),
  route({
    method: 'PUT',
    path,
    policy: 'identity:create_implied_role',
    summary: 'Have a role imply another, in all tokens',
    status: 201,
    reply: InferenceReply,
    handler: async (request, context) =>
      replyOf(context, request, await createInference(context, request.params.id, request.params.role_id)),
  }),
  route({
    method: 'DELETE',
    path,
    policy: 'identity:delete_implied_role',
    summary: 'Have a role no longer imply another',
    status: 204,
    handler: (request, context) => deleteInference(context, request.params.id, request.params.role_id),
  }),
];

/** The built-in roles first. */
function rankOf({ id }: Role): number {
  const rank = builtInRoles.indexOf(id);
  return rank < 0 ? builtInRoles.length : rank;
}

async function inferencesOf(context: ApiContext, request: FastifyRequest, prior: Role) {
  const show = linkedView.of(request, context);
  return { prior_role: show(prior), implies: (await impliedRoles(context, prior)).map(show) };
}

function replyOf(context: ApiContext, request: FastifyRequest, { prior, implied }: Inference) {
  const show = linkedView.of(request, context);
  const links = selfLink(context, request, `/roles/${prior.id}/implies/${implied.id}`);
  return { role_inference: { prior_role: show(prior), implies: show(implied) }, links };
}
