/** Projects: the owners of servers, images and networks. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { deleteDomain } from '#services/identity/delete-domain.ts';
import { deleteProject } from '#services/identity/delete-project.ts';
import { createDomain, defaultDomainId, listDomains, updateDomain } from '#services/identity/domains.ts';
import { createProject, listProjects, refuseServiceProject, updateProject } from '#services/identity/projects.ts';
import { hasRole } from '#services/identity/roles-in.ts';
import { projectScope } from '#services/identity/scopes.ts';
import type { ApiContext } from '../context.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { allows, authorize, route } from './policy.ts';
import { projectTarget } from './policy-targets.ts';
import { FamilyQuery, familyOf, ProjectWithFamily } from './project-family.ts';
import {
  ProjectReply,
  ProjectRequest,
  ProjectsReply,
  projectFields,
  projectOfDomain,
  projectView,
  type ShownProject,
} from './project-view.ts';
import { isSet } from './query-flags.ts';
import { refuseNewId } from './schemas.ts';

const ListQuery = Type.Object({ ...listQuery(projectFields).properties, is_domain: Type.Optional(Type.String()) });
const Changes = Type.Partial(ProjectRequest, { minProperties: 1 });

export const projectRoutes = [
  route({
    method: 'GET',
    path: '/projects',
    policy: 'identity:list_user_projects',
    summary: 'List the projects in which the user has a role; whom identity:list_projects allows it lists all',
    query: ListQuery,
    reply: ProjectsReply,
    async handler(request, context) {
      const page = await pageOf(context, request, isSet((request.query as { is_domain?: string }).is_domain));
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
    summary: 'Show a project, and those above and below it',
    query: FamilyQuery,
    reply: ProjectWithFamily,
    async handler(request, context) {
      const project = await findVisible(context, request, request.params.project_id);
      const family = await familyOf(context, request, { project, query: request.query });
      return { project: { ...projectView.of(request, context)(project), ...family } };
    },
  }),
  route({
    method: 'POST',
    path: '/projects',
    policy: 'identity:create_project',
    summary: 'Create a project; with is_domain, a domain',
    status: 201,
    body: Type.Object({ project: ProjectRequest }, { additionalProperties: false }),
    reply: ProjectReply,
    handler: async (request, context) => ({
      project: projectView.of(request, context)(await create(context, request, request.body.project)),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/projects/:project_id',
    policy: 'identity:update_project',
    summary: 'Change a project; disabling it revokes the tokens for it',
    body: Type.Object({ project: Changes }, { additionalProperties: false }),
    reply: ProjectReply,
    async handler(request, context) {
      const project = await findAny(context, request, 'identity:update_project');
      refuseNewId(request.body.project, project.id);
      const { is_domain, ...fields } = request.body.project;
      if (is_domain !== undefined && is_domain !== (project.is_domain ?? false))
        throw new Fault('badRequest', { detail: 'Update of `is_domain` is not allowed.' });
      refuseServiceProject(request.caller, [project.name, fields.name]);
      const changed = project.is_domain
        ? projectOfDomain(await updateDomain(context, project.id, fields))
        : await updateProject(context, project, fields);
      return { project: projectView.of(request, context)(changed) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/projects/:project_id',
    policy: 'identity:delete_project',
    summary: 'Delete a project that has no resources',
    status: 204,
    async handler(request, context) {
      const project = await findAny(context, request, 'identity:delete_project');
      refuseServiceProject(request.caller, [project.name]);
      await (project.is_domain ? deleteDomain(context, project.id) : deleteProject(context, project));
    },
  }),
];

async function pageOf(context: ApiContext, request: FastifyRequest, ofDomains: boolean) {
  const { caller } = request;
  const query = readListQuery(request.query as object, projectFields);
  const seesAll = allows(request, 'identity:list_projects');
  if (!ofDomains) return listProjects(context, seesAll ? { domain_id: caller.domain_id } : { user_id: caller.user_id }, query);
  // A project that acts as a domain is in none.
  if (!seesAll || caller.domain_id !== undefined || hasPlace(request.query as object)) return { items: [], next: undefined };
  const page = await listDomains(context, undefined, query);
  return { ...page, items: page.items.map(projectOfDomain) };
}

function hasPlace(query: { readonly domain_id?: string; readonly parent_id?: string }): boolean {
  return query.domain_id !== undefined || query.parent_id !== undefined;
}

async function create(context: ApiContext, request: FastifyRequest, body: ProjectRequest): Promise<ShownProject> {
  const { is_domain = false, ...given } = body;
  if (is_domain) {
    authorize(request, 'identity:create_project', projectTarget({ id: '', domain_id: '' }));
    if (given.parent_id || given.domain_id)
      throw new Fault('badRequest', { detail: 'only root projects are allowed to act as domains.' });
    return projectOfDomain(await createDomain(context, given));
  }
  const fields = withDomain(request, given);
  authorize(request, 'identity:create_project', projectTarget({ id: '', domain_id: fields.domain_id }));
  refuseServiceProject(request.caller, [fields.name]);
  return createProject(context, fields);
}

/** What is created belongs to the domain of the token, unless the request names another. */
export function withDomain<T extends { domain_id?: string | null }>({ caller }: FastifyRequest, fields: T) {
  return { ...fields, domain_id: fields.domain_id ?? caller.domain_id ?? defaultDomainId };
}

type ProjectRule = `identity:${'update' | 'delete'}_project`;

/** A project, or a domain as a project. Authorized before the lookup fails. */
async function findAny(context: ApiContext, request: FastifyRequest, rule: ProjectRule): Promise<ShownProject> {
  const { project_id: id } = request.params as { project_id: string };
  const found = await findShown(context, id);
  authorize(request, rule, projectTarget(found ?? { id, domain_id: '' }));
  if (!found) throw new Fault('notFound', { what: 'Project', id });
  return found;
}

async function findShown({ store }: ApiContext, id: string): Promise<ShownProject | undefined> {
  const project = await store.projects.find({ id });
  if (project) return project;
  const domain = await store.domains.find({ id });
  return domain && projectOfDomain(domain);
}

/** Authorized before the lookup fails: whoever may not see it must not learn whether it exists. */
async function findVisible(context: ApiContext, request: FastifyRequest, id: string): Promise<ShownProject> {
  const project = await findShown(context, id);
  const { user_id } = request.caller;
  const isMember = project && !project.is_domain && (await hasRole(context.store, user_id, projectScope(id)));
  if (!isMember) authorize(request, 'identity:get_project', projectTarget(project ?? { id: '', domain_id: '' }));
  if (!project) throw new Fault('notFound', { what: 'Project', id });
  return project;
}
