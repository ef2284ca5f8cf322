/** Projects: the owners of servers, images and networks. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { createProject, deleteProject, getProject, projectsOf, updateProject } from '#services/identity/projects.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { isSystemReader, requireReader } from './access.ts';
import { pageOfCollection, pageQuery, selfLink } from './links.ts';

const ById = Type.Object({ id: Type.String() });
const Id = Type.Union([Type.String(), Type.Null()]);
const ProjectFields = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible }),
  description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  domain_id: Type.Optional(Id),
  parent_id: Type.Optional(Id),
  enabled: Type.Optional(Type.Literal(true)),
  is_domain: Type.Optional(Type.Literal(false)),
});

export function registerProjects(app: ApiScope, context: ApiContext): void {
  const querystring = Type.Object({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()), ...pageQuery });
  app.get('/projects', { schema: { querystring } }, async (request) => {
    const { name, domain_id } = request.query;
    const { caller } = request;
    const visible =
      caller.is_admin || isSystemReader(caller)
        ? await context.store.projects.list({}, { orderBy: 'name' })
        : await projectsOf(context, caller.user_id);
    const asked = visible.filter(
      (project) => (name ?? project.name) === project.name && (domain_id ?? project.domain_id) === project.domain_id,
    );
    const { items, links } = pageOfCollection(context, request, { path: '/projects', all: asked, query: request.query });
    return { projects: items.map((project) => projectBody(context, request, project)), links };
  });
  app.get('/projects/:id', { schema: { params: ById } }, async (request) => {
    // Checked before the lookup: an unauthorized caller must not learn whether it exists.
    const isMember = (await projectsOf(context, request.caller.user_id)).some(({ id }) => id === request.params.id);
    if (!isMember) requireReader(request, 'identity:get_project');
    const project = await getProject(context, request.params.id);
    return { project: projectBody(context, request, project) };
  });
  app.post('/projects', { schema: { body: Type.Object({ project: ProjectFields }) } }, async (request, reply) => {
    requireAdmin(request, 'identity:create_project');
    const project = await createProject(context, inDomain(request, request.body.project));
    reply.code(201);
    return { project: projectBody(context, request, project) };
  });
  const body = Type.Object({ project: Type.Partial(ProjectFields) });
  app.patch('/projects/:id', { schema: { params: ById, body } }, async (request) => {
    requireAdmin(request, 'identity:update_project');
    const project = await getProject(context, request.params.id);
    const changed = await updateProject(context, project, request.body.project);
    return { project: projectBody(context, request, changed) };
  });
  app.delete('/projects/:id', { schema: { params: ById } }, async (request, reply) => {
    requireAdmin(request, 'identity:delete_project');
    await deleteProject(context, await getProject(context, request.params.id));
    return reply.code(204).send();
  });
}

/** What is created belongs to the domain of the token, unless the request names another. */
export function inDomain<T extends { domain_id?: string | null }>({ caller }: FastifyRequest, fields: T): T {
  return { ...fields, domain_id: fields.domain_id ?? caller.domain_id ?? null };
}

export function projectBody(context: ApiContext, request: FastifyRequest, project: Project) {
  return {
    ...project,
    parent_id: project.domain_id,
    is_domain: false,
    enabled: true,
    tags: [],
    options: {},
    links: selfLink(context, request, `/projects/${project.id}`),
  };
}
