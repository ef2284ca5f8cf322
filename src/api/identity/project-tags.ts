/** Tags of a project. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { changeTags, refuseServiceProject } from '#services/identity/projects.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext } from '../context.ts';
import { selfLink } from './links.ts';
import { authorize, route } from './policy.ts';
import { projectTarget } from './policy-targets.ts';
import { SelfLink, TagFields, Tags } from './schemas.ts';

const TagsReply = Type.Object({ tags: Tags, links: SelfLink });
const tagsMost = 80;
const path = '/projects/:project_id/tags';

export const projectTagRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:list_project_tags',
    summary: 'List the tags of a project',
    reply: TagsReply,
    handler: async (request, context) => replyOf(context, request, await find(context, request, 'identity:list_project_tags')),
  }),
  route({
    method: 'PUT',
    path,
    policy: 'identity:update_project_tags',
    summary: 'Replace the tags of a project',
    body: Type.Object({ tags: TagFields }, { additionalProperties: false }),
    reply: TagsReply,
    async handler(request, context) {
      const project = await findToChange(context, request, 'identity:update_project_tags');
      return replyOf(context, request, await changeTags(context, project, () => request.body.tags));
    },
  }),
  route({
    method: 'DELETE',
    path,
    policy: 'identity:delete_project_tags',
    summary: 'Remove all tags of a project',
    status: 204,
    async handler(request, context) {
      const project = await findToChange(context, request, 'identity:delete_project_tags');
      await changeTags(context, project, () => []);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:value`,
    policy: 'identity:get_project_tag',
    summary: 'Show whether a project has a tag',
    status: 204,
    async handler(request, context) {
      const { tags } = await find(context, request, 'identity:get_project_tag');
      if (!tags.includes(request.params.value)) throw noTag(request.params.value);
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/:value`,
    policy: 'identity:create_project_tag',
    summary: 'Add a tag to a project',
    status: 201,
    async handler(request, context, reply) {
      const project = await findToChange(context, request, 'identity:create_project_tag');
      const { value } = request.params;
      if (/[,/]/.test(value) || value.length > 255) throw invalid(value);
      await changeTags(context, project, (tags) => withTag(tags, value));
      reply.header('location', selfLink(context, request, `/projects/${project.id}/tags/${encodeURIComponent(value)}`).self);
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:value`,
    policy: 'identity:delete_project_tag',
    summary: 'Remove a tag of a project',
    status: 204,
    async handler(request, context) {
      const project = await findToChange(context, request, 'identity:delete_project_tag');
      const { value } = request.params;
      await changeTags(context, project, (tags) => {
        if (!tags.includes(value)) throw noTag(value);
        return tags.filter((tag) => tag !== value);
      });
    },
  }),
];

function withTag(tags: readonly string[], value: string): string[] {
  const all = [...new Set([...tags, value])];
  if (all.length > tagsMost) throw new Fault('badRequest', { detail: `A project has at most ${tagsMost} tags.` });
  return all;
}

function noTag(value: string): Fault {
  return new Fault('notFound', { what: 'Project tag', id: value });
}

function invalid(value: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for field 'value': ${value} is no tag.` });
}

function replyOf(context: ApiContext, request: FastifyRequest, { id, tags }: Project) {
  return { tags, links: selfLink(context, request, `/projects/${id}/tags`) };
}

type TagRule = `identity:${'list' | 'update' | 'delete'}_project_tags` | `identity:${'get' | 'create' | 'delete'}_project_tag`;

/** Authorized before the lookup fails. */
async function find(context: ApiContext, request: FastifyRequest, rule: TagRule): Promise<Project> {
  const { project_id: id } = request.params as { project_id: string };
  const project = await context.store.projects.find({ id });
  authorize(request, rule, projectTarget(project ?? { id, domain_id: '' }));
  if (!project) throw new Fault('notFound', { what: 'Project', id });
  return project;
}

async function findToChange(context: ApiContext, request: FastifyRequest, rule: TagRule): Promise<Project> {
  const project = await find(context, request, rule);
  refuseServiceProject(request.caller, [project.name]);
  return project;
}
