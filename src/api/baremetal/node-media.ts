/** `/v1/nodes/{node}/vmedia`: virtual media, images that the BMC mounts as a drive of the machine. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainText } from '#domain/plain-text.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { since } from './since.ts';

const NodeParams = Type.Object({ node: Type.String() });

/** Ironic's device type → Redfish media types. */
const mediaTable = { cdrom: ['CD', 'DVD'], floppy: ['Floppy'], disk: ['USBStick'] } as const;
type MediaDevice = keyof typeof mediaTable;
const mediaDevices = Object.keys(mediaTable) as MediaDevice[];

const MediaRequest = Type.Object(
  {
    device_type: Type.Union(mediaDevices.map((device) => Type.Literal(device))),
    image_url: Type.String({ pattern: '^(https?|nfs|cifs|smb|ftp)://[!-~]+$', maxLength: 2048 }),
    image_download_source: Type.Optional(
      Type.Union([Type.Literal('http'), Type.Literal('local'), Type.Literal('swift'), Type.Null()]),
    ),
  },
  { additionalProperties: false },
);
const Devices = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String()), Type.Null()]));
const EjectQuery = Type.Object({ device_types: Type.Optional(Type.String()) });
/** Ironic reads the query; openstacksdk sends a body. */
const EjectBody = Type.Optional(Type.Union([Type.Object({ device_types: Devices }), Type.Null()]));

export function registerNodeMedia(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const path = '/nodes/:node/vmedia';

  app.get(path, { preValidation: since(93), schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    return (await engine.mediaSlots(uuid)).map(slotJson);
  });
  app.post(path, { preValidation: since(89), schema: { params: NodeParams, body: MediaRequest } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    const { device_type, image_url, image_download_source } = request.body;
    refuseDetour(image_download_source);
    await engine.insertMedia(uuid, device_type as MediaDevice, image_url);
    reply.code(204).send();
  });
  const eject = { params: NodeParams, querystring: EjectQuery, body: EjectBody };
  app.delete(path, { preValidation: since(89), schema: eject }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.ejectMedia(uuid, readDevices(request.query.device_types ?? request.body?.device_types));
    reply.code(204).send();
  });
}

/** With the other values Ironic downloads the image and serves it itself. */
function refuseDetour(source: Static<typeof MediaRequest>['image_download_source']): void {
  if (source === undefined || source === null || source === 'http') return;
  throw new Fault('unsupported', { what: `image_download_source '${source}' (the BMC fetches the image from its URL: 'http')` });
}

/** The image URL as the BMC reports it, with its secrets masked. */
function slotJson({ device, inserted, image }: Awaited<ReturnType<ApiContext['engine']['mediaSlots']>>[number]) {
  return { device_type: device, media_types: mediaTable[device], inserted, image: image && maskUrlSecrets(plainText(image)) };
}

function readDevices(given: string | readonly string[] | null | undefined): readonly MediaDevice[] {
  const words = typeof given === 'string' ? given.split(',') : (given ?? []);
  if (words.length === 0) return mediaDevices;
  return words.map((word) => {
    const device = mediaDevices.find((each) => each === word.trim());
    if (!device) throw new Fault('badRequest', { detail: `device_types must be of ${mediaDevices.join(', ')}, not '${word}'.` });
    return device;
  });
}
