/** What assignments amount to: inherited ones on each project of their domain, and the roles that each role implies. */
import type { RoleAssignment, RoleName } from '#store/tables/role-assignments.ts';
import type { StoreContext } from './context.ts';
import { getProject } from './projects.ts';
import { type AssignmentFilters, listAssignments } from './role-assignments.ts';
import { impliedBy, projectScope } from './roles.ts';

export type EffectiveAssignment = RoleAssignment & {
  /** The domain whose assignment a project inherits. */
  readonly inherited_from?: string;
  /** The assigned role of which this one follows. */
  readonly prior_role?: RoleName;
};

export async function effectiveAssignments(context: StoreContext, filters: AssignmentFilters): Promise<EffectiveAssignment[]> {
  const { user_id, scope, role, inherited, domain_id } = filters;
  const direct = inherited === true ? [] : await listAssignments(context, { user_id, scope, domain_id, inherited: false });
  const onProjects = inherited === false ? [] : await inheritedAssignments(context, filters);
  return withImpliedRoles([...direct, ...onProjects]).filter((row) => role === undefined || row.role === role);
}

async function inheritedAssignments(
  context: StoreContext,
  { user_id, scope, domain_id }: AssignmentFilters,
): Promise<EffectiveAssignment[]> {
  if (scope && scope.scope_type !== 'project') return [];
  const project = scope && (await getProject(context, scope.scope_id));
  const of = project && ({ scope_type: 'domain', scope_id: project.domain_id } as const);
  const rows = await listAssignments(context, { user_id, scope: of, domain_id, inherited: true });
  const projects = project ? [project] : await projectsIn(context, rows);
  return rows.flatMap((row) =>
    projects
      .filter(({ domain_id }) => domain_id === row.scope_id)
      .map(({ id, domain_id }) => ({ ...row, ...projectScope(id), inherited_from: domain_id })),
  );
}

async function projectsIn({ store }: StoreContext, rows: readonly RoleAssignment[]) {
  const domains = [...new Set(rows.map(({ scope_id }) => scope_id))];
  return domains.length === 0 ? [] : store.projects.pick(['id', 'domain_id'], { domain_id: domains });
}

/** Each role once per user and scope: an assigned one rather than the same one implied by another. */
function withImpliedRoles(rows: readonly EffectiveAssignment[]): EffectiveAssignment[] {
  const all = new Map(rows.map((row) => [keyOf(row), row]));
  for (const row of rows) {
    for (let role = impliedBy(row.role); role !== undefined; role = impliedBy(role)) {
      const implied = { ...row, role, prior_role: row.role };
      if (!all.has(keyOf(implied))) all.set(keyOf(implied), implied);
    }
  }
  return [...all.values()];
}

function keyOf({ user_id, scope_type, scope_id, role }: RoleAssignment): string {
  return [user_id, scope_type, scope_id, role].join(' ');
}
