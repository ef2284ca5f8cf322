/** Projects: the owners of servers, images and networks. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { pageOfCollection, pageQuery, selfLink } from './links.ts';

const ById = Type.Object({ id: Type.String() });
const ProjectFields = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible }),
  description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  domain_id: Type.Optional(Type.Union([Type.Literal('default'), Type.Null()])),
  parent_id: Type.Optional(Type.Union([Type.Literal('default'), Type.Null()])),
  enabled: Type.Optional(Type.Literal(true)),
  is_domain: Type.Optional(Type.Literal(false)),
});

export function registerProjects(app: ApiScope, context: ApiContext): void {
  const querystring = Type.Object({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()), ...pageQuery });
  app.get('/projects', { schema: { querystring } }, async (request) => {
    const { name, domain_id } = request.query;
    const visible = request.caller.is_admin
      ? await context.store.projects.list({}, { orderBy: 'name' })
      : await projectsOf(context, request.caller.user_id);
    const asked = visible.filter(
      (project) => (name === undefined || project.name === name) && (domain_id ?? 'default') === 'default',
    );
    const { items, links } = pageOfCollection(context, request, { path: '/projects', all: asked, query: request.query });
    return { projects: items.map((project) => projectBody(context, request, project)), links };
  });
  app.get('/projects/:id', { schema: { params: ById } }, async (request) => {
    // Checked before the lookup: an unauthorized caller must not learn whether it exists.
    const isMember = (await projectsOf(context, request.caller.user_id)).some(({ id }) => id === request.params.id);
    if (!isMember) requireAdmin(request, 'identity:get_project');
    const project = await getProject(context, request.params.id);
    return { project: projectBody(context, request, project) };
  });
  app.post('/projects', { schema: { body: Type.Object({ project: ProjectFields }) } }, async (request, reply) => {
    requireAdmin(request, 'identity:create_project');
    const project = await createProject(context, request.body.project);
    reply.code(201);
    return { project: projectBody(context, request, project) };
  });
  const body = Type.Object({ project: Type.Partial(ProjectFields) });
  app.patch('/projects/:id', { schema: { params: ById, body } }, async (request) => {
    requireAdmin(request, 'identity:update_project');
    const project = await getProject(context, request.params.id);
    const { name, description } = request.body.project;
    if (name !== undefined && name !== project.name) await refuseTakenName(context, name);
    const changed = { ...project, name: name ?? project.name, description: description ?? project.description };
    await context.store.projects.update({ id: project.id }, { name: changed.name, description: changed.description });
    return { project: projectBody(context, request, changed) };
  });
  app.delete('/projects/:id', { schema: { params: ById } }, async (request, reply) => {
    requireAdmin(request, 'identity:delete_project');
    await deleteProject(context, await getProject(context, request.params.id));
    return reply.code(204).send();
  });
}

export async function getProject(context: Pick<ApiContext, 'store'>, id: string): Promise<Project> {
  const project = await context.store.projects.find({ id });
  if (!project) throw new Fault('notFound', { what: 'Project', id });
  return project;
}

/** Projects in which the user has a role. */
export async function projectsOf(context: ApiContext, userId: string): Promise<Project[]> {
  const user = await context.store.users.find({ id: userId });
  if (user?.is_admin) return context.store.projects.list({}, { orderBy: 'name' });
  const assignments = await context.store.role_assignments.list({ user_id: userId });
  const ids = [...new Set(assignments.map((assignment) => assignment.project_id))];
  return ids.length === 0 ? [] : context.store.projects.list({ id: ids }, { orderBy: 'name' });
}

export function projectBody(context: ApiContext, request: FastifyRequest, project: Project) {
  return {
    ...project,
    domain_id: 'default',
    parent_id: 'default',
    is_domain: false,
    enabled: true,
    tags: [],
    options: {},
    links: selfLink(context, request, `/projects/${project.id}`),
  };
}

async function createProject(context: ApiContext, fields: Static<typeof ProjectFields>): Promise<Project> {
  await refuseTakenName(context, fields.name);
  const id = randomUUID().replaceAll('-', '');
  return context.store.projects.insert({ id, name: fields.name, description: fields.description ?? '' });
}

async function refuseTakenName(context: ApiContext, name: string): Promise<void> {
  if (await context.store.projects.find({ name }))
    throw new Fault('conflict', { detail: `A project named ${name} already exists.` });
}

/** A project with resources cannot be deleted: nothing may be left without an owner. */
async function deleteProject({ store }: ApiContext, project: Project): Promise<void> {
  await store.transaction(async (trx) => {
    await refuseInUse(trx, project);
    await trx.role_assignments.remove({ project_id: project.id });
    await trx.application_credentials.remove({ project_id: project.id });
    await trx.project_token_revisions.remove({ project_id: project.id });
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
