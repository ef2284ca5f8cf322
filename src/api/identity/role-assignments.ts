/** The list of role assignments. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { type EffectiveAssignment, effectiveAssignments } from '#services/identity/effective-assignments.ts';
import { type AssignmentFilters, listAssignments } from '#services/identity/role-assignments.ts';
import { domainScope, projectScope, systemScope } from '#services/identity/scopes.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { ApiContext } from '../context.ts';
import { assignmentBody, namesOf, RoleAssignmentReply } from './assignment-body.ts';
import { linksTo, selfLink } from './links.ts';
import { authorize, route } from './policy.ts';
import { isSet } from './query-flags.ts';
import { CollectionLinks } from './schemas.ts';

const text = Type.Optional(Type.String());
const Filters = Type.Object({
  ...{ 'user.id': text, 'group.id': text, 'role.id': text },
  ...{ 'scope.project.id': text, 'scope.domain.id': text, 'scope.system': text, 'scope.OS-INHERIT:inherited_to': text },
  /** Present = yes, unless `0` or `false`. */
  ...{ include_names: text, effective: text, include_subtree: text },
});
type Filters = Static<typeof Filters>;

export const roleAssignmentRoutes = [
  route({
    method: 'GET',
    path: '/role_assignments',
    policy: 'identity:list_role_assignments',
    summary: 'List role assignments; a domain-scoped token lists those of its domain',
    query: Filters,
    reply: Type.Object({ role_assignments: Type.Array(RoleAssignmentReply), links: CollectionLinks }),
    async handler(request, context) {
      const { query, caller } = request;
      await authorizeList(context, request, query);
      return {
        role_assignments: await bodiesOf(context, request, await find(context, query, caller.domain_id)),
        links: linksTo(context, request, '/role_assignments'),
      };
    },
  }),
];

/** Those of a project and all below it have a rule of their own. */
async function authorizeList(context: ApiContext, request: FastifyRequest, query: Filters): Promise<void> {
  const { domain_id = null } = request.caller;
  if (!isSet(query.include_subtree)) {
    const target = { 'target.user.id': query['user.id'] ?? '', 'target.domain_id': domain_id };
    return authorize(request, 'identity:list_role_assignments', target);
  }
  const project = await context.store.projects.find({ id: query['scope.project.id'] ?? '' });
  authorize(request, 'identity:list_role_assignments_for_tree', { 'target.domain_id': project?.domain_id ?? domain_id });
}

/** Filters of which Keystone accepts only one. */
const exclusive: readonly (readonly [keyof Filters, keyof Filters, string])[] = [
  ['scope.domain.id', 'scope.project.id', 'Specify a domain or project, not both'],
  ['scope.domain.id', 'scope.system', 'Specify system or domain, not both'],
  ['scope.project.id', 'scope.system', 'Specify system or project, not both'],
  ['user.id', 'group.id', 'Specify a user or group, not both'],
];

async function find(context: ApiContext, query: Filters, domain_id: string | undefined): Promise<EffectiveAssignment[]> {
  for (const [one, other, detail] of exclusive) if (query[one] && query[other]) throw new Fault('badRequest', { detail });
  if (isSet(query.include_subtree) && !query['scope.project.id'])
    throw new Fault('badRequest', { detail: 'scope.project.id must be specified if include_subtree is also specified' });
  if (isSet(query.effective)) refuseEmpty(query);
  const filters: AssignmentFilters = {
    domain_id,
    user_id: query['user.id'],
    group_id: query['group.id'],
    role_id: query['role.id'],
    scope: scopeOf(query),
    with_subtree: isSet(query.include_subtree),
    inherited: inheritedOf(query['scope.OS-INHERIT:inherited_to']),
  };
  return isSet(query.effective) ? effectiveAssignments(context, filters) : listAssignments(context, filters);
}

/** Filters that no effective assignment passes. */
function refuseEmpty(query: Filters): void {
  const always = 'will always result in an empty list.';
  if (query['group.id']) throw new Fault('badRequest', { detail: `Combining effective and group filter ${always}` });
  if (inheritedOf(query['scope.OS-INHERIT:inherited_to']) && query['scope.domain.id'])
    throw new Fault('badRequest', { detail: `Combining effective, domain and inherited filters ${always}` });
}

function scopeOf(query: Filters): Scope | undefined {
  if (query['scope.project.id']) return projectScope(query['scope.project.id']);
  if (query['scope.domain.id']) return domainScope(query['scope.domain.id']);
  return query['scope.system'] === 'all' ? systemScope : undefined;
}

function inheritedOf(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === 'projects';
}

async function bodiesOf(context: ApiContext, request: FastifyRequest, rows: readonly EffectiveAssignment[]) {
  const isNamed = isSet((request.query as Filters).include_names);
  const names = isNamed ? await namesOf(context, rows) : undefined;
  const base = selfLink(context, request, '').self;
  return rows.map((row) => assignmentBody(row, { base, names }));
}
