/** Projects: the owners of servers, images and networks. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { anyOf, type Condition, isAmong, isEqual, type RelatedRows } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';
import type { Scope } from '#store/tables/role-assignments.ts';
import type { StoreContext } from './context.ts';
import { defaultDomainId, isDomainEnabled } from './domains.ts';
import { membershipHolds } from './federation/membership.ts';
import { ofDomain, wholeList } from './lists.ts';
import { ancestorsOf, checkParent, deepest, subtreeOf } from './project-tree.ts';
import { changedOptions, type OptionFields, refuseUpdate } from './resource-options.ts';
import { projectScope } from './scopes.ts';
import { refuseDuplicates } from './unique-names.ts';

/** Fields that a request may set; null means empty. */
export type ProjectFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly domain_id?: string | null;
  readonly parent_id?: string | null;
  readonly enabled?: boolean;
  readonly tags?: readonly string[];
  readonly options?: OptionFields;
};

/** @throws Fault `notFound` */
export async function getProject({ store }: StoreContext, id: string): Promise<Project> {
  const project = await store.projects.find({ id });
  if (!project) throw new Fault('notFound', { what: 'Project', id });
  return project;
}

/** Whether neither the project nor its domain is disabled: if one is, there are no tokens for the project. */
export async function isUsable(context: StoreContext, project: Project): Promise<boolean> {
  return project.enabled && (await isDomainEnabled(context, project));
}

/** Whose projects are listed: of a domain (undefined: all), or those in which a user has a role. */
export type VisibleProjects = { readonly domain_id: string | undefined } | { readonly user_id: string };

/** By name. Without `limit`, the whole list. */
export function listProjects({ store }: StoreContext, visible: VisibleProjects, query: ListQuery): Promise<ListPage<Project>> {
  const conditions = 'user_id' in visible ? [ofUser(visible.user_id)] : ofDomain(visible.domain_id);
  return listRows({ collection: store.projects, table: listTables.projects, visible: conditions, maximum: wholeList }, query);
}

/** Projects for which the user can get a token, by name. */
export async function projectsOf(context: StoreContext, user_id: string): Promise<Project[]> {
  const enabled = isAmong('domain_id', { table: 'domains', select: 'id', where: [isEqual('enabled', true)] });
  return (await listProjects(context, { user_id }, { where: [enabled, isEqual('enabled', true)] })).items;
}

function ofUser(user_id: string): Condition {
  const groups = { table: 'group_members', select: 'group_id', where: [isEqual('user_id', user_id), membershipHolds()] };
  const isActor = anyOf(isEqual('user_id', user_id), isAmong('group_id', groups));
  const assigned = (scope_type: Scope['scope_type'], inherited: boolean): RelatedRows => ({
    ...{ table: 'role_assignments', select: 'scope_id' },
    where: [isActor, isEqual('scope_type', scope_type), isEqual('inherited', inherited)],
  });
  return anyOf(
    isAmong('id', assigned('project', false)),
    isAmong('domain_id', assigned('domain', true)),
    ...below(isAmong('parent_id', assigned('project', true))),
  );
}

/** Projects whose parent is among some, and those below them at each level of the tree. */
function below(children: Condition): Condition[] {
  const levels = [children];
  while (levels.length < deepest - 1)
    levels.push(isAmong('parent_id', { table: 'projects', select: 'id', where: [levels.at(-1) ?? children] }));
  return levels;
}

/** Of this name the bare metal service believes that its users are other services (`service_role`), as Ironic does. */
const serviceProject = 'service';

/**
 * A manager of a domain manages its projects, but must not let a project's own service act for the cloud's.
 * @param names the project's, and the one that it is to have
 */
export function refuseServiceProject(caller: Caller, names: readonly (string | undefined)[]): void {
  if (caller.is_admin || !names.some((name) => name?.trim() === serviceProject)) return;
  const detail = `Only administrators can create, change or delete the project ${serviceProject}.`;
  throw new Fault('forbidden', { detail });
}

export async function createProject({ store }: StoreContext, fields: ProjectFields): Promise<Project> {
  const domain_id = fields.domain_id ?? defaultDomainId;
  return store.transaction(async (trx) => {
    const domain = await trx.domains.find({ id: domain_id });
    if (!domain) throw new Fault('badRequest', { detail: `Could not find domain: ${domain_id}.` });
    const detail = `cannot create a project in a branch containing a disabled project: ${domain_id}`;
    if (!domain.enabled) throw new Fault('badRequest', { detail });
    const parent_id = await checkParent(trx, fields.parent_id || domain_id, domain_id);
    const project: Project = {
      ...{ id: randomUUID().replaceAll('-', ''), domain_id, parent_id, name: fields.name.trim() },
      ...{ description: fields.description ?? '', enabled: fields.enabled ?? true, tags: [...(fields.tags ?? [])] },
      options: changedOptions({}, fields.options ?? {}),
    };
    return refuseDuplicates(trx.projects.insert(project), 'project', duplicate(project));
  });
}

export async function updateProject({ store }: StoreContext, { id }: Project, fields: Partial<ProjectFields>): Promise<Project> {
  return store.transaction(async (trx) => {
    const project = await getProject({ store: trx }, id);
    refuseUpdate('project', project, fields);
    refusePlace(project, fields);
    if (fields.enabled !== undefined && fields.enabled !== project.enabled) await checkEnabling(trx, project);
    const changed: Project = {
      ...project,
      ...(fields.name !== undefined && { name: fields.name.trim() }),
      ...(fields.description !== undefined && { description: fields.description ?? '' }),
      ...(fields.enabled !== undefined && { enabled: fields.enabled }),
      ...(fields.tags !== undefined && { tags: [...fields.tags] }),
      options: changedOptions(project.options, fields.options ?? {}),
    };
    await refuseDuplicates(trx.projects.update({ id }, changed), 'project', duplicate(changed));
    if (project.enabled && !changed.enabled) await trx.scope_token_revisions.revokeAll(projectScope(id));
    return changed;
  });
}

/** @param change of the tags as they are then: concurrent requests change one after the other */
export async function changeTags(
  { store }: StoreContext,
  { id }: Project,
  change: (tags: readonly string[]) => readonly string[],
): Promise<Project> {
  return store.transaction(async (trx) => {
    const project = await getProject({ store: trx }, id);
    return updateProject({ store: trx }, project, { tags: change(project.tags) });
  });
}

/** A project stays where it is: in its domain, under its parent. */
function refusePlace(project: Project, { domain_id, parent_id }: Partial<ProjectFields>): void {
  if (domain_id && domain_id !== project.domain_id)
    throw new Fault('badRequest', { detail: 'Update of `domain_id` is not allowed.' });
  if (parent_id !== undefined && parent_id !== project.parent_id)
    throw new Fault('forbidden', { detail: 'Update of `parent_id` is not allowed.' });
}

/** Below a disabled project, all are disabled. */
async function checkEnabling(store: Store, project: Project): Promise<void> {
  if (!project.enabled) {
    const above = await ancestorsOf(store, project);
    if (above.every(({ enabled }) => enabled)) return;
    throw new Fault('forbidden', { detail: `Cannot enable project ${project.id} since it has disabled parents` });
  }
  const below = await subtreeOf(store, [project.id]);
  if (!below.some(({ enabled }) => enabled)) return;
  throw new Fault('forbidden', { detail: `Cannot disable project ${project.id} since its subtree contains enabled projects.` });
}

function duplicate({ id, name }: Project): string {
  const what = 'it is not permitted to have two projects with either the same name or same id in the same domain';
  return `${what}: name is ${name}, project id ${id}`;
}
