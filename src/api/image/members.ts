/** `/images/:id/members`: the projects that an image is shared with. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { addMember, answerMember, findMember, listMembers, memberStatuses, removeMember } from '#services/image/members.ts';
import { findImage } from '#services/image/visibility.ts';
import type { ImageMember } from '#store/tables/image-members.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext } from '../context.ts';
import { viewOf } from '../http/view.ts';
import { wholeSeconds } from './image-view.ts';
import { allows, route, targetIn } from './policy.ts';

const Text = Type.String();
const view = viewOf<ImageMember>()({
  image_id: { type: Text, value: ({ image_id }) => image_id },
  member_id: { type: Text, value: ({ member_id }) => member_id },
  status: { type: Type.Enum([...memberStatuses]), value: ({ status }) => status },
  created_at: { type: Text, value: ({ created_at }) => wholeSeconds(created_at) },
  updated_at: { type: Text, value: ({ updated_at }) => wholeSeconds(updated_at) },
  schema: { type: Text, value: () => '/v2/schemas/member' },
});

/** The length of Glance's column. */
const MemberId = Type.String({ minLength: 1, maxLength: 255 });
const params = Type.Object({ id: Text, member_id: MemberId });
/** Glance's verbs for its messages. */
type Verb = 'create' | 'update' | 'delete' | 'list';

export const memberRoutes = [
  route({
    method: 'GET',
    path: '/images/:id/members',
    policy: 'get_members',
    summary: 'List the projects that an image is shared with',
    reply: Type.Object({ members: Type.Array(view.schema), schema: Text }),
    async handler(request, context) {
      const image = await sharedImage(request, context, 'list');
      if (!allows(request, 'get_members', targetIn(image, request.caller))) throw notAllowed('list', image);
      const members = await listMembers(context, request.caller, image);
      return { members: members.map(view.of(request, context)), schema: '/v2/schemas/members' };
    },
  }),
  route({
    method: 'POST',
    path: '/images/:id/members',
    policy: 'add_member',
    summary: 'Share an image with a project',
    body: Type.Object({ member: MemberId }),
    reply: view.schema,
    async handler(request, context) {
      const image = await sharedImage(request, context, 'create');
      if (!allows(request, 'add_member', targetIn(image, request.caller))) throw notAllowed('create', image);
      return view.of(request, context)(await addMember(context, image, request.body.member));
    },
  }),
  route({
    method: 'GET',
    path: '/images/:id/members/:member_id',
    policy: 'get_member',
    summary: 'Show a project that an image is shared with',
    params,
    reply: view.schema,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      // Not found, as in Glance: what may not be seen is not told.
      if (image.visibility !== 'shared') throw new Fault('notFound', { what: 'Member', id: request.params.member_id });
      return view.of(request, context)(await seenMember(request, context, image));
    },
  }),
  route({
    method: 'PUT',
    path: '/images/:id/members/:member_id',
    policy: 'modify_member',
    summary: 'Accept or reject a shared image',
    params,
    body: Type.Object({ status: Type.Enum([...memberStatuses]) }),
    reply: view.schema,
    async handler(request, context) {
      const image = await sharedImage(request, context, 'update');
      const member = await seenMember(request, context, image);
      if (!allows(request, 'modify_member', targetIn(image, request.caller))) throw notAllowed('update', image);
      return view.of(request, context)(await answerMember(context, member, request.body.status));
    },
  }),
  route({
    method: 'DELETE',
    path: '/images/:id/members/:member_id',
    policy: 'delete_member',
    summary: 'Stop sharing an image with a project',
    status: 204,
    params,
    async handler(request, context) {
      const image = await sharedImage(request, context, 'delete');
      const member = await seenMember(request, context, image);
      if (!allows(request, 'delete_member', targetIn(image, request.caller))) throw notAllowed('delete', image);
      await removeMember(context, member);
    },
  }),
];

type Named = FastifyRequest<{ Params: { id: string } }>;
type NamedMember = FastifyRequest<{ Params: { id: string; member_id: string } }>;

async function sharedImage(request: Named, context: ApiContext, verb: Verb): Promise<Image> {
  const image = await findImage(context, request.caller, request.params.id);
  if (image.visibility !== 'shared') throw notAllowed(verb, image, ': Only shared images have members.');
  return image;
}

async function seenMember(request: NamedMember, context: ApiContext, image: Image): Promise<ImageMember> {
  if (!allows(request, 'get_member', targetIn(image, request.caller)))
    throw new Fault('forbidden', { detail: `You are not authorized to lookup the members of the image ${image.id}.` });
  return findMember(context, request.caller, { image, member: request.params.member_id });
}

function notAllowed(verb: Verb, { id }: Image, why = '.'): Fault {
  return new Fault('forbidden', { detail: `Not allowed to ${verb} members for image ${id}${why}` });
}
