/** What assignments amount to: for each member of a group, on each project that inherits, with the implied roles. */
import { Fault } from '#domain/faults.ts';
import { anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';
import type { RoleAssignment, Scope } from '#store/tables/role-assignments.ts';
import type { StoreContext } from './context.ts';
import { holds, membershipHolds } from './federation/membership.ts';
import { ancestorsOf, subtreeOf } from './project-tree.ts';
import { getProject } from './projects.ts';
import { type AssignmentFilters, listAssignments } from './role-assignments.ts';
import { type RoleGraph, readRoleGraph } from './role-graph.ts';
import { domainScope, projectScope } from './scopes.ts';

export type EffectiveAssignment = RoleAssignment & {
  /** Where the role is assigned that a project inherits. */
  readonly inherited_from?: Scope;
  /** The group by which a user has the role. */
  readonly through_group?: string;
  /** The assigned role of which this one follows. */
  readonly prior_role?: string;
};

/** More are not listed at once: one assignment may count for many users on many projects. */
const longestList = 100_000;

export async function effectiveAssignments(context: StoreContext, filters: AssignmentFilters): Promise<EffectiveAssignment[]> {
  const graph = await readRoleGraph(context.store);
  const assigned = [
    ...(filters.inherited === true ? [] : await direct(context, filters)),
    ...(filters.inherited === false ? [] : await inherited(context, filters)),
  ];
  const ofUsers = await expandGroups(context.store, assigned, filters.user_id);
  return expandRoles(graph, ofUsers).filter(({ role_id }) => filters.role_id === undefined || role_id === filters.role_id);
}

/** Those of groups count for their members. */
function direct(context: StoreContext, { user_id, scope, domain_id, with_subtree = false }: AssignmentFilters) {
  return listAssignments(context, { scope, domain_id, with_subtree, inherited: false }, ofUser(user_id));
}

/** The user's own ones, and those of their groups. */
function ofUser(user_id: string | undefined): Condition[] {
  if (user_id === undefined) return [];
  const groups = { table: 'group_members', select: 'group_id', where: [isEqual('user_id', user_id), membershipHolds()] };
  return [anyOf(isEqual('user_id', user_id), isAmong('group_id', groups))];
}

async function inherited(context: StoreContext, { user_id, scope, domain_id, with_subtree }: AssignmentFilters) {
  if (scope && scope.scope_type !== 'project') return [];
  const rows = await listAssignments(context, { domain_id, inherited: true }, ofUser(user_id));
  const wanted = scope && (await projectsOf(context.store, scope.scope_id, with_subtree ?? false));
  const found: EffectiveAssignment[] = [];
  // Many assignments are in few places.
  const heirs = new Map<string, readonly Heir[]>();
  for (const row of rows) {
    const place = `${row.scope_type} ${row.scope_id}`;
    const below = heirs.get(place) ?? (await (wanted ? heirsAmong(context.store, wanted, row) : heirsOf(context.store, row)));
    heirs.set(place, below);
    bound(found.length + below.length);
    for (const { id } of below) found.push({ ...row, ...projectScope(id), inherited_from: scopeOf(row) });
  }
  return found;
}

async function projectsOf(store: Store, id: string, with_subtree: boolean): Promise<Project[]> {
  const project = await getProject({ store }, id);
  return [project, ...(with_subtree ? await subtreeOf(store, [id]) : [])];
}

type Heir = Pick<Project, 'id'>;

async function heirsOf(store: Store, { scope_type, scope_id }: Scope): Promise<Heir[]> {
  return scope_type === 'domain' ? store.projects.pick(['id'], { domain_id: scope_id }) : subtreeOf(store, [scope_id]);
}

async function heirsAmong(store: Store, projects: readonly Project[], row: Scope): Promise<Heir[]> {
  if (row.scope_type === 'domain') return projects.filter(({ domain_id }) => domain_id === row.scope_id);
  const [top] = projects;
  const ofTop = top ? (await ancestorsOf(store, top)).map(({ id }) => id) : [];
  if (ofTop.includes(row.scope_id)) return [...projects];
  const below = new Set((await subtreeOf(store, [row.scope_id])).map(({ id }) => id));
  return projects.filter(({ id }) => below.has(id));
}

function scopeOf({ scope_type, scope_id }: Scope): Scope {
  return scope_type === 'domain' ? domainScope(scope_id) : { scope_type, scope_id };
}

async function expandGroups(
  store: Store,
  rows: readonly EffectiveAssignment[],
  user_id: string | undefined,
): Promise<EffectiveAssignment[]> {
  const members = new Map<string, string[]>();
  const found: EffectiveAssignment[] = [];
  for (const row of rows) {
    if (row.group_id === '') {
      if (user_id === undefined || row.user_id === user_id) found.push(row);
      continue;
    }
    const ids = members.get(row.group_id) ?? (await membersOf(store, row.group_id, user_id));
    members.set(row.group_id, ids);
    bound(found.length + ids.length);
    for (const id of ids) found.push({ ...row, user_id: id, group_id: '', through_group: row.group_id });
  }
  return found;
}

async function membersOf({ group_members }: Store, group_id: string, user_id: string | undefined): Promise<string[]> {
  const rows = await group_members.list({ group_id, ...(user_id !== undefined && { user_id }) });
  return rows.filter(holds).map((row) => row.user_id);
}

/** Each role once per user and scope: an assigned one rather than the same one implied by another. */
function expandRoles(graph: RoleGraph, rows: readonly EffectiveAssignment[]): EffectiveAssignment[] {
  const all = new Map<string, EffectiveAssignment>();
  for (const row of rows) if (graph.find(row.role_id)?.domain_id === '') keep(all, row);
  for (const row of rows) {
    for (const { id } of graph.inToken([row.role_id])) keep(all, { ...row, role_id: id, prior_role: row.role_id });
    bound(all.size);
  }
  return [...all.values()];
}

function keep(all: Map<string, EffectiveAssignment>, row: EffectiveAssignment): void {
  const key = [row.user_id, row.scope_type, row.scope_id, row.role_id].join(' ');
  if (!all.has(key)) all.set(key, row);
}

function bound(length: number): void {
  if (length <= longestList) return;
  const detail = `There are more than ${longestList} effective assignments: ask for those of a user, or of a scope.`;
  throw new Fault('badRequest', { detail });
}
