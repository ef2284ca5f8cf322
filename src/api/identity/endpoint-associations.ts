/** Which endpoints and endpoint groups the catalogues of projects show. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  associate,
  checkAssociation,
  dissociate,
  endpointFilterOf,
  getEndpointGroup,
  groupsOfProject,
  projectsAssociated,
} from '#services/identity/endpoint-filter.ts';
import { getProject } from '#services/identity/projects.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext } from '../context.ts';
import { EndpointGroupsReply, endpointGroupView } from './endpoint-groups.ts';
import { allEndpoints, EndpointsReply, endpointsReply } from './endpoints.ts';
import { linksTo, selfLink } from './links.ts';
import { route } from './policy.ts';
import { ProjectsReply, projectView } from './project-view.ts';
import { SelfLink } from './schemas.ts';

const base = '/OS-EP-FILTER';
const inProject = `${base}/projects/:project_id/endpoints/:endpoint_id` as const;
const groupInProject = `${base}/endpoint_groups/:endpoint_group_id/projects/:project_id` as const;

export const endpointAssociationRoutes = [
  route({
    method: 'GET',
    path: `${base}/endpoints/:endpoint_id/projects`,
    policy: 'identity:list_projects_for_endpoint',
    summary: 'List the projects of an endpoint',
    reply: ProjectsReply,
    async handler(request, context) {
      const { endpoint_id } = request.params;
      await requireEndpoint(context, request, endpoint_id);
      const projects = await projectsAssociated(context, { endpoint_id });
      return projectsReply(context, request, { path: `${base}/endpoints/${endpoint_id}/projects`, projects });
    },
  }),
  route({
    method: 'GET',
    path: `${base}/projects/:project_id/endpoints`,
    policy: 'identity:list_endpoints_for_project',
    summary: 'List the endpoints of a project, its own and those of its groups',
    reply: EndpointsReply,
    async handler(request, context) {
      const { project_id } = request.params;
      await getProject(context, project_id);
      const isShown = await endpointFilterOf(context, project_id);
      const endpoints = isShown ? (await allEndpoints(context, request)).filter(isShown) : [];
      return endpointsReply(context, request, { path: `${base}/projects/${project_id}/endpoints`, endpoints });
    },
  }),
  route({
    method: 'GET',
    path: inProject,
    policy: 'identity:check_endpoint_in_project',
    summary: 'Show whether a project has an endpoint',
    status: 204,
    async handler(request, context) {
      await requireEndpoint(context, request, request.params.endpoint_id);
      await checkAssociation(context, request.params);
    },
  }),
  route({
    method: 'PUT',
    path: inProject,
    policy: 'identity:add_endpoint_to_project',
    summary: 'Add an endpoint to the catalogue of a project',
    status: 204,
    async handler(request, context) {
      await requireEndpoint(context, request, request.params.endpoint_id);
      await associate(context, request.params);
    },
  }),
  route({
    method: 'DELETE',
    path: inProject,
    policy: 'identity:remove_endpoint_from_project',
    summary: 'Remove an endpoint from the catalogue of a project',
    status: 204,
    handler: (request, context) => dissociate(context, request.params),
  }),
  route({
    method: 'GET',
    path: `${base}/projects/:project_id/endpoint_groups`,
    policy: 'identity:list_endpoint_groups_for_project',
    summary: 'List the endpoint groups of a project',
    reply: EndpointGroupsReply,
    async handler(request, context) {
      const { project_id } = request.params;
      const groups = await groupsOfProject(context, project_id);
      const links = linksTo(context, request, `${base}/projects/${project_id}/endpoint_groups`);
      return { endpoint_groups: groups.map(endpointGroupView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/endpoint_groups/:endpoint_group_id/projects`,
    policy: 'identity:list_projects_associated_with_endpoint_group',
    summary: 'List the projects of an endpoint group',
    reply: ProjectsReply,
    async handler(request, context) {
      const { endpoint_group_id } = request.params;
      await getEndpointGroup(context, endpoint_group_id);
      const projects = await projectsAssociated(context, { endpoint_group_id });
      return projectsReply(context, request, { path: `${base}/endpoint_groups/${endpoint_group_id}/projects`, projects });
    },
  }),
  route({
    method: 'GET',
    path: groupInProject,
    policy: 'identity:get_endpoint_group_in_project',
    summary: 'Show whether a project has an endpoint group',
    reply: Type.Object({
      project_endpoint_group: Type.Object({ endpoint_group_id: Type.String(), project_id: Type.String(), links: SelfLink }),
    }),
    async handler(request, context) {
      const { endpoint_group_id, project_id } = request.params;
      await checkAssociation(context, { endpoint_group_id, project_id });
      const links = selfLink(context, request, `${base}/endpoint_groups/${endpoint_group_id}/projects/${project_id}`);
      return { project_endpoint_group: { endpoint_group_id, project_id, links } };
    },
  }),
  route({
    method: 'PUT',
    path: groupInProject,
    policy: 'identity:add_endpoint_group_to_project',
    summary: 'Add the endpoints of a group to the catalogue of a project',
    status: 204,
    handler: (request, context) => associate(context, request.params),
  }),
  route({
    method: 'DELETE',
    path: groupInProject,
    policy: 'identity:remove_endpoint_group_from_project',
    summary: 'Remove the endpoints of a group from the catalogue of a project',
    status: 204,
    handler: (request, context) => dissociate(context, request.params),
  }),
];

async function requireEndpoint(context: ApiContext, request: FastifyRequest, id: string): Promise<void> {
  const found = (await allEndpoints(context, request)).some((endpoint) => endpoint.id === id);
  if (!found) throw new Fault('notFound', { what: 'endpoint', id });
}

type ProjectsOf = { readonly path: string; readonly projects: readonly Project[] };

function projectsReply(context: ApiContext, request: FastifyRequest, { path, projects }: ProjectsOf) {
  return { projects: projects.map(projectView.of(request, context)), links: linksTo(context, request, path) };
}
