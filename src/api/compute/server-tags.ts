/** `/servers/{id}/tags`, since 2.26 (nova/api/openstack/compute/server_tags.py). */
import { Type } from 'typebox';
import { changeTags, mostTags, refuseInvalidTag, tagMissing, tooManyTags } from '#services/compute/server-tags.ts';
import type { ApiContext } from '../context.ts';
import { route } from './policy.ts';
import { type ServerRequest, serverOf } from './server-of.ts';
import { Tags } from './server-requests.ts';

const TagsBody = Type.Object({ tags: Tags }, { additionalProperties: false });
const TagsReply = Type.Object({ tags: Type.Array(Type.String()) });
const since = 26;

export const serverTagRoutes = [
  route({
    method: 'GET',
    path: '/servers/:id/tags',
    policy: 'os_compute_api:os-server-tags:index',
    since,
    summary: 'List the tags of a server',
    reply: TagsReply,
    handler: async (request, context) => ({ tags: (await serverOf(request, context)).tags }),
  }),
  route({
    method: 'GET',
    path: '/servers/:id/tags/:tag',
    policy: 'os_compute_api:os-server-tags:show',
    since,
    status: 204,
    summary: 'Show whether a server has a tag',
    async handler(request, context) {
      const { id, tags } = await serverOf(request, context);
      if (!tags.includes(request.params.tag)) throw tagMissing(id, request.params.tag);
    },
  }),
  route({
    method: 'PUT',
    path: '/servers/:id/tags',
    policy: 'os_compute_api:os-server-tags:update_all',
    since,
    summary: 'Replace the tags of a server',
    body: TagsBody,
    reply: TagsReply,
    handler: async (request, context) => ({
      tags: await change(context, request, 'update tags', () => request.body.tags),
    }),
  }),
  route({
    method: 'PUT',
    path: '/servers/:id/tags/:tag',
    policy: 'os_compute_api:os-server-tags:update',
    since,
    status: 201,
    summary: 'Add a tag to a server',
    async handler(request, context, reply) {
      const { id, tag } = request.params;
      let isNew = true;
      await change(context, request, 'update tag', (old) => {
        refuseInvalidTag(tag);
        // Nova looks at the number first.
        if (old.length >= mostTags) throw tooManyTags();
        isNew = !old.includes(tag);
        return [...old, tag];
      });
      if (!isNew) return reply.code(204).send();
      reply.header('location', `${context.baseUrl(request)}/compute/v2.1/servers/${id}/tags/${encodeURIComponent(tag)}`);
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:id/tags/:tag',
    policy: 'os_compute_api:os-server-tags:delete',
    since,
    status: 204,
    summary: 'Delete a tag of a server',
    async handler(request, context) {
      const { id, tag } = request.params;
      await change(context, request, 'delete tag', (old) => {
        if (!old.includes(tag)) throw tagMissing(id, tag);
        return old.filter((each) => each !== tag);
      });
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:id/tags',
    policy: 'os_compute_api:os-server-tags:delete_all',
    since,
    status: 204,
    summary: 'Delete the tags of a server',
    async handler(request, context) {
      await change(context, request, 'delete tags', () => []);
    },
  }),
];

/** A lock of the server does not forbid it. */
async function change(
  context: ApiContext,
  request: ServerRequest,
  action: string,
  edit: (old: readonly string[]) => readonly string[],
): Promise<string[]> {
  return changeTags(context, await serverOf(request, context), { action, edit });
}
