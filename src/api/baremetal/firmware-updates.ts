/**
 * `/v1/nodes/{node}/firmware_updates`: updates that were sent to the BMC and may not have ended, during which the machine
 * is not switched. An addition of Ingot's.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { route } from './policy.ts';

const FirmwareUpdate = Type.Object({
  component: Type.String(),
  sent_at: Type.String(),
  expires_at: Type.String(),
});

export const firmwareUpdateRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/firmware_updates',
    policy: 'baremetal:node:firmware_update:get',
    summary: 'List the firmware updates of a node that may not have ended (Ingot extension)',
    reply: Type.Object({ firmware_updates: Type.Array(FirmwareUpdate) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const live = await context.store.firmware_updates.live();
      const own = live.filter(({ node_uuid }) => node_uuid === uuid);
      return { firmware_updates: own.map(({ component, sent_at, expires_at }) => ({ component, sent_at, expires_at })) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/firmware_updates',
    policy: 'baremetal:node:firmware_update:delete',
    summary: 'Declare the firmware updates of a node to be over, so that its machine may be switched (Ingot extension)',
    status: 204,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const { user_name, user_id } = request.caller;
      if (!(await context.engine.endFirmwareUpdates(uuid, `${user_name} (user ${user_id})`)))
        throw new Fault('notFound', { what: 'Firmware update of node', id: request.params.node });
    },
  }),
];
