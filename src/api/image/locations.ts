/** `/images/:id/locations`: where others keep the data of an image. Ingot keeps it itself, as Glance without an HTTP store. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findImage } from '#services/image/visibility.ts';
import { authorize, route, targetIn } from './policy.ts';

const Location = Type.Object({ url: Type.String(), metadata: Type.Object({}) });
const algorithms = ['sha1', 'sha256', 'sha512', 'md5'];
const NewLocation = Type.Object({
  url: Type.String({ maxLength: 4096 }),
  validation_data: Type.Optional(
    Type.Object(
      { os_hash_algo: Type.Enum(algorithms), os_hash_value: Type.String({ maxLength: 128 }) },
      { additionalProperties: false },
    ),
  ),
});

export const locationRoutes = [
  route({
    method: 'GET',
    path: '/images/:id/locations',
    policy: 'fetch_image_location',
    summary: 'List where the data of an image is kept: at no address that others could read',
    reply: Type.Array(Location),
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      authorize(request, 'fetch_image_location', targetIn(image));
      return [];
    },
  }),
  route({
    method: 'POST',
    path: '/images/:id/locations',
    policy: 'add_image_location',
    summary: 'Name a place where the data of an image is: refused (403)',
    status: 202,
    body: NewLocation,
    async handler(request, context) {
      const image = await findImage(context, request.caller, request.params.id);
      const { status } = image;
      if (status !== 'queued')
        throw new Fault('conflict', { detail: `It's not allowed to add locations if image status is ${status}.` });
      authorize(request, 'add_image_location', targetIn(image));
      throw new Fault('forbidden', { detail: 'http store must be enabled to use location API by normal user.' });
    },
  }),
];
