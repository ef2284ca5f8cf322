/** Roles of users and groups on the system, on domains and on projects: assign, revoke, list. */
import { Fault } from '#domain/faults.ts';
import { allOf, anyOf, type Condition, isAmong, isEqual, isOneOf } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Actor, RoleAssignment, Scope } from '#store/tables/role-assignments.ts';
import type { Role } from '#store/tables/roles.ts';
import type { StoreContext } from './context.ts';
import { getDomain } from './domains.ts';
import { getGroup } from './groups.ts';
import { subtreeOf } from './project-tree.ts';
import { getProject } from './projects.ts';
import { revokeEverywhere } from './revoke-everywhere.ts';
import { readRoleGraph } from './role-graph.ts';
import { getRole } from './roles.ts';
import { getUser } from './users.ts';

/** The roles of a user or group in a scope: Keystone's grants. */
export type Grants = Scope & Actor & { readonly inherited: boolean };
export type Grant = Grants & { readonly role_id: string };

/** The domain of what a role is assigned on; undefined for the system. */
const homes: Record<Scope['scope_type'], (context: StoreContext, id: string) => Promise<string | undefined>> = {
  system: async () => undefined,
  domain: async (context, id) => (await getDomain(context, id)).id,
  project: async (context, id) => (await getProject(context, id)).domain_id,
};

/** @throws Fault `notFound` if the user or group, or the domain or project, does not exist */
async function checkParties(context: StoreContext, { scope_type, scope_id, user_id, group_id }: Grants) {
  const home = await homes[scope_type](context, scope_id);
  await (group_id === '' ? getUser(context, user_id) : getGroup(context, group_id));
  return home;
}

/** Roles assigned directly: no implied ones, and those of a user not by their groups. */
export async function listGrants(context: StoreContext, grants: Grants): Promise<Role[]> {
  await checkParties(context, grants);
  const rows = await context.store.role_assignments.list(grants);
  const graph = await readRoleGraph(context.store);
  return rows.flatMap(({ role_id }) => graph.find(role_id) ?? []).sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @throws Fault `notFound` unless the role is assigned directly */
export async function checkGrant(context: StoreContext, grant: Grant): Promise<void> {
  await getRole(context, grant.role_id);
  await checkParties(context, grant);
  if (!(await context.store.role_assignments.find(grant))) throw noAssignment(grant);
}

/** Of a user or group: managers of domains assign roles. */
const assignmentsMost = 5000;

/** Assigning a role again changes nothing. */
export async function createGrant({ store }: StoreContext, grant: Grant): Promise<void> {
  // In one transaction, so that neither party is deleted between the check and the assignment.
  await store.transaction(async (trx) => {
    const role = await getRole({ store: trx }, grant.role_id);
    refuseForeign(role, grant, await checkParties({ store: trx }, grant));
    if (!(await trx.role_assignments.insertIfAbsent(grant))) return;
    const { user_id, group_id } = grant;
    const all = await trx.role_assignments.pick(['role_id'], { user_id, group_id }, { limit: assignmentsMost + 1 });
    if (all.length <= assignmentsMost) return;
    throw new Fault('forbidden', { detail: `${user_id || group_id} has ${assignmentsMost} role assignments already.` });
  });
}

/** A role of a domain is assigned in this domain alone. */
function refuseForeign(role: Role, { scope_type, scope_id }: Grant, home: string | undefined): void {
  if (role.domain_id === '' || role.domain_id === home) return;
  if (scope_type === 'system') {
    const detail = `Role ${role.id} is a domain-specific role. Unable to use a domain-specific role in a system assignment.`;
    throw new Fault('badRequest', { detail });
  }
  const where = `${scope_type === 'project' ? 'Project' : 'Domain'} ${scope_id} must be in the same domain`;
  throw new Fault('forbidden', { detail: `${where} as the role ${role.id} being assigned.` });
}

/** Also removes the tokens and application credentials for the scope: a regained role requires a new login. */
export async function revokeGrant({ store }: StoreContext, grant: Grant): Promise<void> {
  await store.transaction(async (trx) => {
    await getRole({ store: trx }, grant.role_id);
    await homes[grant.scope_type]({ store: trx }, grant.scope_id);
    await refuseBootstrapped(trx, grant);
    if ((await trx.role_assignments.remove(grant)) === 0) throw noAssignment(grant);
    const members = grant.group_id === '' ? [] : await trx.group_members.list({ group_id: grant.group_id });
    const users = grant.group_id === '' ? [grant.user_id] : members.map(({ user_id }) => user_id);
    for (const user_id of users) await revokeAccess(trx, { ...grant, user_id });
  });
}

/** An inherited role was on many projects. */
async function revokeAccess(store: Store, { user_id, scope_type, scope_id, inherited }: Grant): Promise<void> {
  if (inherited) return revokeEverywhere(store, user_id);
  if (scope_type === 'project') await store.application_credentials.remove({ user_id, project_id: scope_id });
  await store.scope_token_revisions.revokeTokens({ user_id, scope_type, scope_id });
}

/** Nobody locks out the administrator of the settings. */
async function refuseBootstrapped(store: Store, { user_id, role_id, scope_type }: Grant): Promise<void> {
  const user = await store.users.find({ id: user_id });
  if (user?.is_admin && role_id === 'admin' && scope_type !== 'project')
    throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings and keeps the role.` });
}

function noAssignment({ role_id, user_id, group_id, scope_id }: Grant): Fault {
  return new Fault('notFound', {
    what: 'Role assignment with role',
    id: `${role_id}, user or group: ${user_id || group_id}, project, domain, or system: ${scope_id}`,
  });
}

/** `domain_id`: only on this domain and its projects. */
export type AssignmentFilters = {
  readonly domain_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly group_id?: string | undefined;
  readonly role_id?: string | undefined;
  readonly scope?: Scope | undefined;
  /** Whether the projects below that of the scope count, too. */
  readonly with_subtree?: boolean;
  readonly inherited?: boolean | undefined;
};

/** The assignments as they are stored: all of them, since Keystone's list has no pages. */
export async function listAssignments(
  { store }: StoreContext,
  filters: AssignmentFilters,
  more: readonly Condition[] = [],
): Promise<RoleAssignment[]> {
  const { user_id, group_id, role_id, inherited, domain_id } = filters;
  const equal = Object.entries({ user_id, group_id, role_id, inherited });
  const where = equal.flatMap(([column, value]) => (value === undefined ? [] : [isEqual(column, value)]));
  const within = domain_id === undefined ? [] : [isWithin(domain_id)];
  return store.role_assignments.list([...where, ...within, ...more, ...(await inScope(store, filters))]);
}

async function inScope(store: Store, { scope, with_subtree }: AssignmentFilters): Promise<Condition[]> {
  if (!scope) return [];
  const below = with_subtree ? await subtreeOf(store, [scope.scope_id]) : [];
  const ids = [scope.scope_id, ...below.map(({ id }) => id)];
  return [isEqual('scope_type', scope.scope_type), isOneOf('scope_id', ids)];
}

function isWithin(domain_id: string): Condition {
  const projects = { table: 'projects', select: 'id', where: [isEqual('domain_id', domain_id)] };
  return anyOf(
    allOf(isEqual('scope_type', 'domain'), isEqual('scope_id', domain_id)),
    allOf(isEqual('scope_type', 'project'), isAmong('scope_id', projects)),
  );
}
