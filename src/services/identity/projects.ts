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
import { defaultDomainId, getDomain } from './domains.ts';
import { ofDomain, wholeList } from './lists.ts';
import { refuseDuplicates } from './unique-names.ts';

/** Fields that a request may set; null means empty. */
export type ProjectFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly domain_id?: string | null;
  readonly parent_id?: string | null;
};

/** @throws Fault `notFound` */
export async function getProject({ store }: StoreContext, id: string): Promise<Project> {
  const project = await store.projects.find({ id });
  if (!project) throw new Fault('notFound', { what: 'Project', id });
  return project;
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
  return (await listProjects(context, { user_id }, { where: [enabled] })).items;
}

function ofUser(user_id: string): Condition {
  const assigned = (scope_type: Scope['scope_type'], inherited: boolean): RelatedRows => ({
    ...{ table: 'role_assignments', select: 'scope_id' },
    where: [isEqual('user_id', user_id), isEqual('scope_type', scope_type), isEqual('inherited', inherited)],
  });
  return anyOf(isAmong('id', assigned('project', false)), isAmong('domain_id', assigned('domain', true)));
}

/** Of this name the bare metal service believes that its users are other services (`service_role`), as Ironic does. */
const serviceProject = 'service';

/**
 * A manager of a domain manages its projects, but must not let a project's own service act for the cloud's.
 * @param names the project's, and the one that it is to have
 */
export function refuseServiceProject(caller: Caller, names: readonly (string | undefined)[]): void {
  if (caller.is_admin || !names.includes(serviceProject)) return;
  const detail = `Only administrators can create, change or delete the project ${serviceProject}.`;
  throw new Fault('forbidden', { detail });
}

export async function createProject({ store }: StoreContext, fields: ProjectFields): Promise<Project> {
  const { id: domain_id } = await getDomain({ store }, fields.domain_id ?? defaultDomainId);
  refuseParent(fields.parent_id, domain_id);
  const id = randomUUID().replaceAll('-', '');
  const project = { id, domain_id, name: fields.name, description: fields.description ?? '' };
  return refuseDuplicates(store.projects.insert(project), 'project', duplicate(project));
}

export async function updateProject({ store }: StoreContext, project: Project, fields: Partial<ProjectFields>): Promise<Project> {
  if (fields.domain_id && fields.domain_id !== project.domain_id)
    throw new Fault('badRequest', { detail: 'Update of `domain_id` is not allowed.' });
  refuseParent(fields.parent_id, project.domain_id);
  const changes = {
    ...(fields.name !== undefined && { name: fields.name }),
    ...(fields.description !== undefined && { description: fields.description ?? '' }),
  };
  const changed = { ...project, ...changes };
  if (Object.keys(changes).length > 0)
    await refuseDuplicates(store.projects.update({ id: project.id }, changes), 'project', duplicate(changed));
  return changed;
}

/** A project's parent is its domain: projects have no projects inside. */
function refuseParent(parent_id: string | null | undefined, domain_id: string): void {
  if (parent_id === undefined || parent_id === null || parent_id === domain_id) return;
  const detail = `Invalid input for field/attribute project.parent_id: it must be '${domain_id}' or must be null.`;
  throw new Fault('badRequest', { detail });
}

function duplicate({ name }: Project): string {
  return `it is not permitted to have two projects with the same name in the same domain: ${name}`;
}

/** A project with resources cannot be deleted: nothing may be left without an owner. */
export async function deleteProject({ store }: StoreContext, project: Project): Promise<void> {
  await store.transaction(async (trx) => {
    await refuseInUse(trx, project);
    const scope = { scope_type: 'project', scope_id: project.id } as const;
    await trx.role_assignments.remove(scope);
    await trx.scope_token_revisions.remove(scope);
    await trx.application_credentials.remove({ project_id: project.id });
    await trx.users.update({ project_id: project.id }, { project_id: '' });
    await trx.projects.remove({ id: project.id });
  });
}

async function refuseInUse(store: Store, project: Project): Promise<void> {
  const live = (await store.servers.pick(['vm_state'], { project_id: project.id })).filter(
    (server) => server.vm_state !== 'deleted',
  );
  const counts = {
    servers: live.length,
    networks: (await store.networks.pick(['id'], { project_id: project.id })).length,
    subnets: (await store.subnets.pick(['id'], { project_id: project.id })).length,
    ports: (await store.ports.pick(['id'], { project_id: project.id })).length,
    images: (await store.images.pick(['id'], { owner: project.id })).length,
  };
  const left = Object.entries(counts).filter(([, count]) => count > 0);
  if (left.length === 0) return;
  const detail = `Project ${project.name} still has ${left.map(([noun, count]) => `${count} ${noun}`).join(', ')}.`;
  throw new Fault('conflict', { detail });
}
