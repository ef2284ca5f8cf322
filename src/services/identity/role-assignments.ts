/** Roles of users on the system, on domains and on projects: assign, revoke, list. */
import { Fault } from '#domain/faults.ts';
import { allOf, anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { RoleAssignment, Scope } from '#store/tables/role-assignments.ts';
import type { StoreContext } from './context.ts';
import { getDomain } from './domains.ts';
import { getProject } from './projects.ts';
import { getRole, type Role, roles } from './roles.ts';
import { getUser } from './users.ts';

/** A user's roles in a scope: Keystone's grants. */
export type Grants = Scope & { readonly user_id: string };
export type Grant = Grants & { readonly role_id: string };

const targets: Record<Scope['scope_type'], (context: StoreContext, id: string) => Promise<unknown>> = {
  system: async () => undefined,
  domain: getDomain,
  project: getProject,
};

/** @throws Fault `notFound` if the user, or the domain or project, does not exist */
async function checkParties(context: StoreContext, { scope_type, scope_id, user_id }: Grants): Promise<void> {
  await targets[scope_type](context, scope_id);
  await getUser(context, user_id);
}

function rowOf({ role_id, ...grants }: Grant): RoleAssignment {
  return { ...grants, role: getRole(role_id).name, inherited: false };
}

/** Roles assigned directly: neither inherited nor implied ones. */
export async function listGrants(context: StoreContext, grants: Grants): Promise<Role[]> {
  await checkParties(context, grants);
  const { user_id, scope_type, scope_id } = grants;
  const rows = await context.store.role_assignments.list({ user_id, scope_type, scope_id, inherited: false });
  return roles.filter(({ name }) => rows.some((row) => row.role === name));
}

/** @throws Fault `notFound` unless the role is assigned directly */
export async function checkGrant(context: StoreContext, grant: Grant): Promise<void> {
  const row = rowOf(grant);
  await checkParties(context, grant);
  if (!(await context.store.role_assignments.find(row))) throw noAssignment(grant);
}

/** Assigning a role again changes nothing. */
export async function createGrant({ store }: StoreContext, grant: Grant): Promise<void> {
  const row = rowOf(grant);
  // In one transaction, so that neither party is deleted between the check and the assignment.
  await store.transaction(async (trx) => {
    await checkParties({ store: trx }, grant);
    await trx.role_assignments.insertIfAbsent(row);
  });
}

/** Also removes the user's tokens and application credentials for the scope: a regained role requires a new login. */
export async function revokeGrant({ store }: StoreContext, grant: Grant): Promise<void> {
  const row = rowOf(grant);
  const { user_id, scope_type, scope_id } = grant;
  await store.transaction(async (trx) => {
    await targets[scope_type]({ store: trx }, scope_id);
    await refuseBootstrapped({ store: trx }, row);
    if ((await trx.role_assignments.remove(row)) === 0) throw noAssignment(grant);
    if (scope_type === 'project') await trx.application_credentials.remove({ user_id, project_id: scope_id });
    await trx.scope_token_revisions.revokeTokens({ user_id, scope_type, scope_id });
  });
}

/** Nobody locks out the administrator of the settings. */
async function refuseBootstrapped({ store }: StoreContext, { user_id, role, scope_type }: RoleAssignment): Promise<void> {
  const user = await store.users.find({ id: user_id });
  if (user?.is_admin && role === 'admin' && scope_type !== 'project')
    throw new Fault('conflict', { detail: `User ${user.name} is the administrator of the settings and keeps the role.` });
}

function noAssignment({ role_id, user_id, scope_id }: Grant): Fault {
  return new Fault('notFound', {
    what: 'Role assignment with role',
    id: `${role_id}, user or group: ${user_id}, project, domain, or system: ${scope_id}`,
  });
}

/** `domain_id`: only on this domain and its projects. */
export type AssignmentFilters = {
  readonly domain_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly role?: string | undefined;
  readonly scope?: Scope | undefined;
  readonly inherited?: boolean | undefined;
};

/** The assignments as they are stored: all of them, since Keystone's list has no pages. */
export function listAssignments({ store }: StoreContext, filters: AssignmentFilters): Promise<RoleAssignment[]> {
  const { user_id, role, scope, inherited, domain_id } = filters;
  const equal = { user_id, role, scope_type: scope?.scope_type, scope_id: scope?.scope_id, inherited };
  const where = Object.entries(equal).flatMap(([column, value]) => (value === undefined ? [] : [isEqual(column, value)]));
  return store.role_assignments.list([...where, ...(domain_id === undefined ? [] : [isWithin(domain_id)])]);
}

function isWithin(domain_id: string): Condition {
  const projects = { table: 'projects', select: 'id', where: [isEqual('domain_id', domain_id)] };
  return anyOf(
    allOf(isEqual('scope_type', 'domain'), isEqual('scope_id', domain_id)),
    allOf(isEqual('scope_type', 'project'), isAmong('scope_id', projects)),
  );
}
