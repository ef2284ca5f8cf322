/** Roles, and which roles each implies. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { getRole, impliedBy, type Role, roles } from '#services/identity/roles.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireReader } from './access.ts';
import { linksTo, selfLink } from './links.ts';

const ById = Type.Object({ id: Type.String() });

export function registerRoles(app: ApiScope, context: ApiContext): void {
  const querystring = Type.Object({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) });
  app.get('/roles', { schema: { querystring } }, async (request) => {
    const { name, domain_id } = request.query;
    // Roles of a domain are not supported: each domain has none.
    const asked = domain_id === undefined ? roles.filter((role) => (name ?? role.name) === role.name) : [];
    return { roles: asked.map((role) => roleBody(context, request, role)), links: linksTo(context, request, '/roles') };
  });
  app.get('/roles/:id', { schema: { params: ById } }, async (request) => ({
    role: roleBody(context, request, getRole(request.params.id)),
  }));
  registerImplications(app, context);
}

function registerImplications(app: ApiScope, context: ApiContext): void {
  app.get('/role_inferences', async (request) => {
    requireReader(request, 'identity:list_role_inference_rules');
    const priors = roles.filter(({ name }) => impliedBy(name) !== undefined);
    return { role_inferences: priors.map((prior) => inferenceBody(context, request, prior)) };
  });
  app.get('/roles/:id/implies', { schema: { params: ById } }, async (request) => {
    requireReader(request, 'identity:list_implied_roles');
    const prior = getRole(request.params.id);
    return {
      role_inference: inferenceBody(context, request, prior),
      links: selfLink(context, request, `/roles/${prior.id}/implies`),
    };
  });
  const params = Type.Object({ id: Type.String(), role_id: Type.String() });
  app.get('/roles/:id/implies/:role_id', { schema: { params } }, async (request) => {
    requireReader(request, 'identity:get_implied_role');
    const [prior, implied] = [getRole(request.params.id), getRole(request.params.role_id)];
    if (impliedBy(prior.name) !== implied.name)
      throw new Fault('notFound', { what: 'Implied role', id: `${implied.id} of ${prior.id}` });
    return {
      role_inference: { prior_role: roleLink(context, request, prior), implies: roleLink(context, request, implied) },
      links: selfLink(context, request, `/roles/${prior.id}/implies/${implied.id}`),
    };
  });
}

export function roleBody(context: ApiContext, request: FastifyRequest, { id, name, description }: Role) {
  return { id, name, domain_id: null, description, options: {}, links: selfLink(context, request, `/roles/${id}`) };
}

function roleLink(context: ApiContext, request: FastifyRequest, { id, name }: Role) {
  return { id, name, links: selfLink(context, request, `/roles/${id}`) };
}

function inferenceBody(context: ApiContext, request: FastifyRequest, prior: Role) {
  const implied = impliedBy(prior.name);
  return {
    prior_role: roleLink(context, request, prior),
    implies: implied === undefined ? [] : [roleLink(context, request, getRole(implied))],
  };
}
