/** Roles and their assignments to users in projects. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';

import { Fault } from '#domain/faults.ts';
import { roleBody, roleNames, rolesIn } from '#services/identity/roles.ts';
import type { RoleAssignment, RoleName } from '#store/tables/role-assignments.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { defaultDomain } from './domains.ts';
import { linksTo, selfLink } from './links.ts';
import { getProject } from './projects.ts';
import { getUser } from './users.ts';

const Place = Type.Object({ project_id: Type.String(), user_id: Type.String() });
const Assignment = Type.Object({ project_id: Type.String(), user_id: Type.String(), role_id: Type.String() });
const Filters = Type.Partial(
  Type.Object({
    'user.id': Type.String(),
    'role.id': Type.String(),
    'scope.project.id': Type.String(),
    /** Present = yes, unless `0` or `false`. */
    include_names: Type.String(),
    effective: Type.String(),
  }),
);

export function registerRoles(app: ApiScope, context: ApiContext): void {
  app.get('/roles', { schema: { querystring: Type.Object({ name: Type.Optional(Type.String()) }) } }, async (request) => ({
    roles: roleNames.filter((name) => (request.query.name ?? name) === name).map((name) => roleJson(context, request, name)),
    links: linksTo(context, request, '/roles'),
  }));
  app.get('/roles/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async (request) => ({
    role: roleJson(context, request, getRole(request.params.id)),
  }));
  app.get('/role_assignments', { schema: { querystring: Filters } }, async (request) => {
    if (request.query['user.id'] !== request.caller.user_id) requireAdmin(request, 'identity:list_role_assignments');
    return {
      role_assignments: await listAssignments(context, request.query),
      links: linksTo(context, request, '/role_assignments'),
    };
  });
  registerGrants(app, context);
}

function roleJson(context: ApiContext, request: FastifyRequest, name: RoleName) {
  return { ...roleBody(name), links: selfLink(context, request, `/roles/${name}`) };
}

function registerGrants(app: ApiScope, context: ApiContext): void {
  const place = '/projects/:project_id/users/:user_id/roles';
  app.get(place, { schema: { params: Place } }, async (request) => {
    requireAdmin(request, 'identity:list_grants');
    const user = await getUser(context, request, request.params.user_id);
    const roles = user.is_admin ? ['admin' as const] : (await assigned(context, request.params)).map((row) => row.role);
    return { roles: roles.map((role) => roleJson(context, request, role)), links: linksTo(context, request, request.url) };
  });
  app.get(`${place}/:role_id`, { schema: { params: Assignment } }, async (request, reply) => {
    requireAdmin(request, 'identity:check_grant');
    const { role_id, ...where } = request.params;
    const user = await getUser(context, request, where.user_id);
    const roles = await rolesIn(context.store, user, where.project_id);
    if (!roles.includes(getRole(role_id))) throw new Fault('notFound', { what: 'Role assignment', id: role_id });
    return reply.code(204).send();
  });
  app.put(`${place}/:role_id`, { schema: { params: Assignment } }, async (request, reply) => {
    requireAdmin(request, 'identity:create_grant');
    const { project_id, user_id, role_id } = request.params;
    const row: RoleAssignment = { project_id, user_id, role: getRole(role_id) };
    // In one transaction, so that neither is deleted between the check and the assignment.
    await context.store.transaction(async (trx) => {
      await getProject({ store: trx }, project_id);
      await getUser({ store: trx }, request, user_id);
      await trx.role_assignments.insertIfAbsent(row);
    });
    return reply.code(204).send();
  });
  app.delete(`${place}/:role_id`, { schema: { params: Assignment } }, async (request, reply) => {
    requireAdmin(request, 'identity:revoke_grant');
    const { role_id, ...where } = request.params;
    await revokeRole(context, { ...where, role: getRole(role_id) });
    return reply.code(204).send();
  });
}

/** Also removes the user's tokens and application credentials for the project: a regained role requires a new login. */
async function revokeRole({ store }: ApiContext, { role, ...scope }: RoleAssignment): Promise<void> {
  await store.transaction(async (trx) => {
    const removed = await trx.role_assignments.remove({ ...scope, role });
    if (removed === 0) throw new Fault('notFound', { what: 'Role assignment', id: role });
    await trx.application_credentials.remove(scope);
    await trx.project_token_revisions.revokeTokens(scope);
  });
}

function getRole(id: string): RoleName {
  const name = roleNames.find((candidate) => candidate === id);
  if (!name) throw new Fault('notFound', { what: 'Role', id });
  return name;
}

function assigned(context: ApiContext, where: Static<typeof Place>): Promise<RoleAssignment[]> {
  return context.store.role_assignments.list(where);
}

/** Stored assignments, plus those of the settings' administrators, who have them in every project. */
async function listAssignments(context: ApiContext, filters: Static<typeof Filters>): Promise<object[]> {
  const users = new Map((await context.store.users.list()).map((user) => [user.id, user]));
  const projects = new Map((await context.store.projects.list()).map((project) => [project.id, project]));
  const everywhere = [...users.values()]
    .filter((user) => user.is_admin)
    .flatMap((user) =>
      [...projects.keys()].map((project_id): RoleAssignment => ({ user_id: user.id, project_id, role: 'admin' })),
    );
  const isAsked = (row: RoleAssignment) =>
    (filters['user.id'] ?? row.user_id) === row.user_id &&
    (filters['role.id'] ?? row.role) === row.role &&
    (filters['scope.project.id'] ?? row.project_id) === row.project_id;
  const rows = [...everywhere, ...(await context.store.role_assignments.list())].filter(isAsked);
  const isNamed = filters.include_names !== undefined && !['0', 'false', 'False'].includes(filters.include_names);
  const shown = (id: string, name: string | undefined) => (isNamed ? { id, name, domain: defaultDomain } : { id });
  return rows.map((row) => ({
    role: isNamed ? { id: row.role, name: row.role } : { id: row.role },
    user: shown(row.user_id, users.get(row.user_id)?.name),
    scope: { project: shown(row.project_id, projects.get(row.project_id)?.name) },
    links: {},
  }));
}
