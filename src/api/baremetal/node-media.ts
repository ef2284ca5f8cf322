/** `/v1/nodes/{node}/vmedia`: virtual media, images that the BMC mounts as a drive of the machine. */
import { Type } from 'typebox';
import { plainText } from '#domain/plain-text.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { attachMedia, detachMedia, mediaDevices, mediaTable } from '#services/baremetal/virtual-media.ts';
import type { ApiContext } from '../context.ts';
import { Nullable } from '../http/schemas.ts';
import { route } from './policy.ts';

const path = '/nodes/:node/vmedia';
const Device = Type.Union(mediaDevices.map((device) => Type.Literal(device)));
const Devices = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String()), Type.Null()]));
const Sources = Type.Union([Type.Literal('http'), Type.Literal('local'), Type.Literal('swift'), Type.Null()]);

export const nodeMediaRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'baremetal:node:vmedia:get',
    since: 93,
    summary: 'List the virtual media of a node',
    reply: Type.Array(
      Type.Object({
        device_type: Type.String(),
        media_types: Type.Array(Type.String()),
        inserted: Type.Boolean(),
        image: Nullable(Type.String()),
      }),
    ),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      return (await context.engine.mediaSlots(uuid)).map(slotJson);
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'baremetal:node:vmedia:attach',
    since: 89,
    summary: 'Insert virtual media into a node',
    status: 204,
    body: Type.Object(
      {
        device_type: Device,
        image_url: Type.String({ pattern: '^(https?|nfs|cifs|smb|ftp)://[!-~]+$', maxLength: 2048 }),
        image_download_source: Type.Optional(Sources),
      },
      { additionalProperties: false },
    ),
    handler: (request, context) => attachMedia(context, request.params.node, request.body),
  }),
  route({
    method: 'DELETE',
    path,
    policy: 'baremetal:node:vmedia:detach',
    since: 89,
    summary: 'Eject virtual media from a node',
    status: 204,
    query: Type.Object({ device_types: Type.Optional(Type.String()) }),
    // Ironic reads the query; openstacksdk sends a body.
    body: Type.Union([Type.Object({ device_types: Devices }), Type.Null(), Type.Undefined()]),
    handler: (request, context) =>
      detachMedia(context, request.params.node, request.query.device_types ?? request.body?.device_types),
  }),
];

/** The image URL as the BMC reports it, with its secrets masked. */
function slotJson({ device, inserted, image }: Awaited<ReturnType<ApiContext['engine']['mediaSlots']>>[number]) {
  const media_types: string[] = [...mediaTable[device]];
  return { device_type: device, media_types, inserted, image: image && maskUrlSecrets(plainText(image)) };
}
