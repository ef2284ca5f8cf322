/** Projects: the owners of servers, images and networks. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { defaultDomainId } from '#services/identity/domains.ts';
import {
  createProject,
  deleteProject,
  getProject,
  listProjects,
  refuseServiceProject,
  updateProject,
} from '#services/identity/projects.ts';
import { hasRole, projectScope } from '#services/identity/roles.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { allows, authorize, route } from './policy.ts';
import { projectTarget } from './policy-targets.ts';
import { CollectionLinks, NoOptions, NoTags, SelfLink } from './schemas.ts';

const ProjectRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible }),
  description: Maybe(Type.String()),
  domain_id: Maybe(Type.String()),
  parent_id: Maybe(Type.String()),
  enabled: Type.Optional(Type.Literal(true)),
  is_domain: Type.Optional(Type.Literal(false)),
});

export const projectView = viewOf<Project>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  description: { type: Type.String(), value: ({ description }) => description },
  domain_id: { type: Type.String(), value: ({ domain_id }) => domain_id },
  parent_id: { type: Type.String(), value: ({ domain_id }) => domain_id },
  is_domain: { type: Type.Boolean(), value: () => false },
  enabled: { type: Type.Boolean(), value: () => true },
  tags: { type: NoTags, value: () => [] },
  options: { type: NoOptions, value: () => ({}) },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/projects/${id}`) },
});
const ProjectReply = Type.Object({ project: projectView.schema });
export const ProjectsReply = Type.Object({ projects: Type.Array(projectView.schema), links: CollectionLinks });

export const projectFields: ListFields = {
  name: textField('name'),
  domain_id: textField('domain_id'),
  parent_id: textField('domain_id'),
};

export const projectRoutes = [
  route({
    method: 'GET',
    path: '/projects',
    policy: 'identity:list_user_projects',
    summary: 'List the projects in which the user has a role; whom identity:list_projects allows it lists all',
    query: listQuery(projectFields),
    reply: ProjectsReply,
    async handler(request, context) {
      const { caller } = request;
      const seesAll = allows(request, 'identity:list_projects');
      const visible = seesAll ? { domain_id: caller.domain_id } : { user_id: caller.user_id };
      const page = await listProjects(context, visible, readListQuery(request.query, projectFields));
      return {
        projects: page.items.map(projectView.of(request, context)),
        links: collectionLinks(context, request, '/projects', page),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/projects/:project_id',
    policy: 'identity:get_project',
    summary: 'Show a project',
    reply: ProjectReply,
    handler: async (request, context) => ({
      project: projectView.of(request, context)(await findVisible(context, request, request.params.project_id)),
    }),
  }),
  route({
    method: 'POST',
    path: '/projects',
    policy: 'identity:create_project',
    summary: 'Create a project',
    status: 201,
    body: Type.Object({ project: ProjectRequest }, { additionalProperties: false }),
    reply: ProjectReply,
    async handler(request, context) {
      const fields = withDomain(request, request.body.project);
      authorize(request, 'identity:create_project', projectTarget({ id: '', domain_id: fields.domain_id }));
      refuseServiceProject(request.caller, [fields.name]);
      return { project: projectView.of(request, context)(await createProject(context, fields)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/projects/:project_id',
    policy: 'identity:update_project',
    summary: 'Change the name or description of a project',
    body: Type.Object({ project: Type.Partial(ProjectRequest, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: ProjectReply,
    async handler(request, context) {
      const project = await getProject(context, request.params.project_id);
      authorize(request, 'identity:update_project', projectTarget(project));
      refuseServiceProject(request.caller, [project.name, request.body.project.name]);
      return { project: projectView.of(request, context)(await updateProject(context, project, request.body.project)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/projects/:project_id',
    policy: 'identity:delete_project',
    summary: 'Delete a project that has no resources',
    status: 204,
    async handler(request, context) {
      const project = await getProject(context, request.params.project_id);
      authorize(request, 'identity:delete_project', projectTarget(project));
      refuseServiceProject(request.caller, [project.name]);
      await deleteProject(context, project);
    },
  }),
];

/** What is created belongs to the domain of the token, unless the request names another. */
export function withDomain<T extends { domain_id?: string | null }>({ caller }: FastifyRequest, fields: T) {
  return { ...fields, domain_id: fields.domain_id ?? caller.domain_id ?? defaultDomainId };
}

/** Authorized before the lookup fails: whoever may not see it must not learn whether it exists. */
async function findVisible(context: ApiContext, request: FastifyRequest, id: string): Promise<Project> {
  const project = await context.store.projects.find({ id });
  const { user_id } = request.caller;
  const isMember = project && (await hasRole(context.store, user_id, { ...projectScope(id), domain_id: project.domain_id }));
  if (!isMember) authorize(request, 'identity:get_project', projectTarget(project ?? { id: '', domain_id: '' }));
  return getProject(context, id);
}
