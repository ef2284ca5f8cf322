/** Tags of images, and the projects that they are shared with. */
import { Type } from 'typebox';
import { addTag, removeTag } from '#services/image/images.ts';
import { findImage } from '#services/image/visibility.ts';
import { authorize, route, targetIn, unsupportedRoute } from './policy.ts';

const params = Type.Object({ id: Type.String(), tag: Type.String({ maxLength: 255 }) });

export const imagePartRoutes = [
  route({
    method: 'PUT',
    path: '/images/:id/tags/:tag',
    policy: 'modify_image',
    summary: 'Add a tag to an image',
    status: 204,
    params,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      authorize(request, 'modify_image', targetIn(image));
      await addTag(context, image, request.params.tag);
    },
  }),
  route({
    method: 'DELETE',
    path: '/images/:id/tags/:tag',
    policy: 'modify_image',
    summary: 'Remove a tag from an image',
    status: 204,
    params,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      authorize(request, 'modify_image', targetIn(image));
      await removeTag(context, image, request.params.tag);
    },
  }),
  route({
    method: 'GET',
    path: '/images/:id/members',
    policy: 'get_members',
    summary: 'List the projects that an image is shared with: always empty',
    reply: Type.Object({ members: Type.Array(Type.Object({})), schema: Type.String() }),
    async handler(request, context) {
      authorize(request, 'get_members', targetIn(await findImage(context, request.caller, request.params.id)));
      return { members: [], schema: '/v2/schemas/members' };
    },
  }),
  unsupportedRoute({
    method: 'POST',
    path: '/images/:id/members',
    policy: 'add_member',
    what: 'Sharing an image with single projects',
  }),
  ...(['deactivate', 'reactivate'] as const).map((action) =>
    unsupportedRoute({
      method: 'POST',
      path: `/images/:id/actions/${action}`,
      policy: action,
      what: `Image action '${action}'`,
    }),
  ),
];
