/** A role assignment as Keystone shows it: ids, or names with their domains (`include_names`). */
import { type Static, Type } from 'typebox';
import type { EffectiveAssignment } from '#services/identity/effective-assignments.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { ApiContext } from '../context.ts';
import { Named } from './schemas.ts';

const Id = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), domain: Type.Optional(Named) });
export const RoleAssignmentReply = Type.Object({
  role: Id,
  user: Type.Optional(Id),
  group: Type.Optional(Id),
  scope: Type.Object({
    project: Type.Optional(Id),
    domain: Type.Optional(Id),
    system: Type.Optional(Type.Object({ all: Type.Literal(true) })),
    'OS-INHERIT:inherited_to': Type.Optional(Type.Literal('projects')),
  }),
  links: Type.Object({
    assignment: Type.String(),
    membership: Type.Optional(Type.String()),
    prior_role: Type.Optional(Type.String()),
  }),
});

type Shown = Static<typeof Id>;
/** The names of what a list of assignments is about, by id. */
export type Names = Record<'users' | 'groups' | 'projects' | 'domains' | 'roles', ReadonlyMap<string, Shown>>;

export async function namesOf({ store }: ApiContext, rows: readonly EffectiveAssignment[]): Promise<Names> {
  const idsOf = (type: Scope['scope_type']) => unique(rows.filter((row) => row.scope_type === type).map((row) => row.scope_id));
  const columns = ['id', 'name', 'domain_id'] as const;
  const users = await inParts(unique(rows.map(({ user_id }) => user_id)), (id) => store.users.pick(columns, { id }));
  const groups = await inParts(unique(rows.map(({ group_id }) => group_id)), (id) => store.groups.pick(columns, { id }));
  const projects = await inParts(idsOf('project'), (id) => store.projects.pick(columns, { id }));
  const roles = await inParts(unique(rows.map(({ role_id }) => role_id)), (id) => store.roles.pick(columns, { id }));
  const homes = [...users, ...groups, ...projects, ...roles].map(({ domain_id }) => domain_id);
  const named = unique([...idsOf('domain'), ...homes]);
  const domains = byId(await inParts(named, (id) => store.domains.pick(['id', 'name'], { id })));
  const within = ({ id, name, domain_id }: { id: string; name: string; domain_id: string }): Shown => ({
    ...{ id, name, ...(domain_id !== '' && { domain: { id: domain_id, name: domains.get(domain_id)?.name ?? '' } }) },
  });
  const shownOf = (found: readonly Parameters<typeof within>[0][]) => byId(found.map(within));
  return { users: shownOf(users), groups: shownOf(groups), projects: shownOf(projects), roles: shownOf(roles), domains };
}

/** A statement has a limited number of parameters. */
const idsAtOnce = 500;

async function inParts<T>(ids: readonly string[], read: (some: readonly string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let start = 0; start < ids.length; start += idsAtOnce) found.push(...(await read(ids.slice(start, start + idsAtOnce))));
  return found;
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

function byId<T extends { readonly id: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}

type Rendering = { /** The URL of the API's root. */ readonly base: string; readonly names: Names | undefined };

export function assignmentBody(row: EffectiveAssignment, { base, names }: Rendering): Static<typeof RoleAssignmentReply> {
  const isInherited = row.inherited || row.inherited_from !== undefined;
  return {
    role: shown(names?.roles, row.role_id),
    ...(row.group_id === '' ? { user: shown(names?.users, row.user_id) } : { group: shown(names?.groups, row.group_id) }),
    scope: { ...scopeBody(row, names), ...(isInherited && ({ 'OS-INHERIT:inherited_to': 'projects' } as const)) },
    links: linksOf(row, base),
  };
}

function shown(names: ReadonlyMap<string, Shown> | undefined, id: string): Shown {
  return names?.get(id) ?? { id };
}

function scopeBody({ scope_type, scope_id }: Scope, names: Names | undefined) {
  if (scope_type === 'system') return { system: { all: true } } as const;
  if (scope_type === 'domain') return { domain: shown(names?.domains, scope_id) };
  return { project: shown(names?.projects, scope_id) };
}

/** The request that assigned the role, the membership by which a user has it, and the role of which this one follows. */
function linksOf(row: EffectiveAssignment, base: string) {
  const { user_id, role_id, prior_role, inherited_from, through_group } = row;
  const group_id = through_group ?? row.group_id;
  const actor = group_id === '' ? `users/${user_id}` : `groups/${group_id}`;
  const path = `${targetOf(inherited_from ?? row)}/${actor}/roles/${prior_role ?? role_id}`;
  const assignment = row.inherited ? `/OS-INHERIT${path}/inherited_to_projects` : path;
  return {
    assignment: `${base}${assignment}`,
    ...(through_group !== undefined && { membership: `${base}/groups/${through_group}/users/${user_id}` }),
    ...(prior_role !== undefined && { prior_role: `${base}/prior_role/${role_id}/implies/${prior_role}` }),
  };
}

function targetOf({ scope_type, scope_id }: Scope): string {
  return scope_type === 'system' ? '/system' : `/${scope_type}s/${scope_id}`;
}
