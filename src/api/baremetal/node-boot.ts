/** Boot device, boot mode, Secure Boot and NMI of a node. */
import { Type } from 'typebox';
import { bootDevices, setBootDevice } from '#services/baremetal/boot-device.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { booleanOf, LooseBoolean } from '#services/loose-booleans.ts';
import { Nullable } from '../http/schemas.ts';
import { nodeUrl } from './node-reply.ts';
import { route } from './policy.ts';

const path = '/nodes/:node/management/boot_device';

export const nodeBootRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'baremetal:node:get_boot_device',
    summary: 'Show the boot device of a node',
    reply: Type.Object({ boot_device: Nullable(Type.String()), persistent: Nullable(Type.Boolean()) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const { device, persistent } = await context.engine.getBootDevice(uuid);
      return { boot_device: device, persistent };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/supported`,
    policy: 'baremetal:node:get_boot_device',
    summary: 'List the boot devices of a node',
    reply: Type.Object({ supported_boot_devices: Type.Array(Type.String()) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      return { supported_boot_devices: await context.engine.supportedBootDevices(uuid) };
    },
  }),
  route({
    method: 'PUT',
    path,
    policy: 'baremetal:node:set_boot_device',
    summary: 'Change the boot device of a node',
    status: 204,
    body: Type.Object({
      boot_device: Type.Union(bootDevices.map((device) => Type.Literal(device))),
      persistent: Type.Optional(LooseBoolean),
      /** An Ingot extension: the URL that the firmware boots from, with `uefihttp`. */
      uri: Type.Optional(Type.String({ pattern: '^https?://[!-~]+$', maxLength: 2048 })),
    }),
    handler: (request, context) => setBootDevice(context, request.params.node, request.body),
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/states/boot_mode',
    policy: 'baremetal:node:set_boot_mode',
    summary: 'Change the boot mode of a node',
    status: 202,
    body: Type.Object({ target: Type.Union([Type.Literal('bios'), Type.Literal('uefi')]) }),
    async handler(request, context, reply) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.setBootMode(uuid, request.body.target);
      reply.header('location', `${nodeUrl(context, request, { uuid })}/states`);
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/states/secure_boot',
    policy: 'baremetal:node:set_secure_boot',
    summary: 'Switch Secure Boot of a node on or off',
    status: 202,
    // The client sends the word as typed.
    body: Type.Object({ target: LooseBoolean }),
    async handler(request, context, reply) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.setSecureBoot(uuid, booleanOf('target', request.body.target));
      reply.header('location', `${nodeUrl(context, request, { uuid })}/states`);
    },
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/management/inject_nmi',
    policy: 'baremetal:node:inject_nmi',
    summary: 'Send a non-maskable interrupt to a node',
    status: 204,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.injectNmi(uuid);
    },
  }),
];
