/** Roles, and which roles each implies. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { getRole, impliedBy, type Role, roles } from '#services/identity/roles.ts';
import type { ApiContext } from '../context.ts';
import { viewOf } from '../http/view.ts';
import { linksTo, selfLink } from './links.ts';
import { route } from './policy.ts';
import { CollectionLinks, NoOptions, SelfLink } from './schemas.ts';

const brief = {
  id: { type: Type.String(), value: ({ id }: Role) => id },
  name: { type: Type.String(), value: ({ name }: Role) => name },
} as const;
export const roleView = viewOf<Role>()({
  ...brief,
  domain_id: { type: Type.Null(), value: () => null },
  description: { type: Type.String(), value: ({ description }) => description },
  options: { type: NoOptions, value: () => ({}) },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/roles/${id}`) },
});
/** A role in a rule of which role implies which. */
const linkedView = viewOf<Role>()({
  ...brief,
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/roles/${id}`) },
});
const Inference = Type.Object({ prior_role: linkedView.schema, implies: Type.Array(linkedView.schema) });

export const roleRoutes = [
  route({
    method: 'GET',
    path: '/roles',
    policy: 'identity:list_roles',
    summary: 'List roles',
    query: Type.Object({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) }),
    reply: Type.Object({ roles: Type.Array(roleView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const { name, domain_id } = request.query;
      // Domains have no roles of their own.
      const asked = domain_id === undefined ? roles.filter((role) => (name ?? role.name) === role.name) : [];
      return { roles: asked.map(roleView.of(request, context)), links: linksTo(context, request, '/roles') };
    },
  }),
  route({
    method: 'GET',
    path: '/roles/:id',
    policy: 'identity:get_role',
    summary: 'Show a role',
    reply: Type.Object({ role: roleView.schema }),
    handler: async (request, context) => ({ role: roleView.of(request, context)(getRole(request.params.id)) }),
  }),
  route({
    method: 'GET',
    path: '/role_inferences',
    policy: 'identity:list_role_inference_rules',
    summary: 'List which role implies which',
    reply: Type.Object({ role_inferences: Type.Array(Inference) }),
    handler: async (request, context) => ({
      role_inferences: roles
        .filter(({ name }) => impliedBy(name) !== undefined)
        .map((prior) => inferenceOf(context, request, prior)),
    }),
  }),
  route({
    method: 'GET',
    path: '/roles/:id/implies',
    policy: 'identity:list_implied_roles',
    summary: 'List the roles that a role implies',
    reply: Type.Object({ role_inference: Inference, links: SelfLink }),
    async handler(request, context) {
      const prior = getRole(request.params.id);
      const links = selfLink(context, request, `/roles/${prior.id}/implies`);
      return { role_inference: inferenceOf(context, request, prior), links };
    },
  }),
  route({
    method: 'GET',
    path: '/roles/:id/implies/:role_id',
    policy: 'identity:get_implied_role',
    summary: 'Show whether a role implies another',
    reply: Type.Object({
      role_inference: Type.Object({ prior_role: linkedView.schema, implies: linkedView.schema }),
      links: SelfLink,
    }),
    async handler(request, context) {
      const [prior, implied] = [getRole(request.params.id), getRole(request.params.role_id)];
      if (impliedBy(prior.name) !== implied.name)
        throw new Fault('notFound', { what: 'Implied role', id: `${implied.id} of ${prior.id}` });
      const show = linkedView.of(request, context);
      const links = selfLink(context, request, `/roles/${prior.id}/implies/${implied.id}`);
      return { role_inference: { prior_role: show(prior), implies: show(implied) }, links };
    },
  }),
];

function inferenceOf(context: ApiContext, request: FastifyRequest, prior: Role) {
  const show = linkedView.of(request, context);
  const implied = impliedBy(prior.name);
  return { prior_role: show(prior), implies: implied === undefined ? [] : [show(getRole(implied))] };
}
