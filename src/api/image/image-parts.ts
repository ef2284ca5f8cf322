/** Tags of images, and their actions. */
import { Type } from 'typebox';
import { imageActions, runAction } from '#services/image/actions.ts';
import { addTag, removeTag } from '#services/image/images.ts';
import { findImage } from '#services/image/visibility.ts';
import { authorize, route, targetIn } from './policy.ts';

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
  ...imageActions.map((action) =>
    route({
      method: 'POST',
      path: `/images/:id/actions/${action}`,
      policy: action,
      summary: action === 'deactivate' ? 'Forbid the use of the data of an image' : 'Allow the use of the data of an image again',
      status: 204,
      async handler(request, context) {
        const image = await findImage(context, request.caller, request.params.id);
        authorize(request, action, targetIn(image));
        await runAction(context, image, action);
      },
    }),
  ),
];
