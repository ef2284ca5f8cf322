/**
 * `/v1/nodes/{node}/firmware_updates`: updates that were sent to the BMC and may not have ended, during which the machine
 * is not switched. An addition of Ingot's.
 */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { endByOperator, listOfNode } from './node-records.ts';
import { route } from './policy.ts';

export const firmwareUpdateRoutes = [
  listOfNode({
    noun: 'firmware_update',
    plural: 'firmware_updates',
    shape: Type.Object({ component: Type.String(), sent_at: Type.String(), expires_at: Type.String() }),
    summary: 'List the firmware updates of a node that may not have ended (Ingot extension)',
    read: ({ store }, node_uuid) => store.firmware_updates.live(node_uuid),
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/firmware_updates',
    policy: 'baremetal:node:firmware_update:delete',
    summary: 'Declare the firmware updates of a node to be over, so that its machine may be switched (Ingot extension)',
    status: 204,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const what = { what: 'Firmware update of node', id: request.params.node };
      await endByOperator(request.caller, what, (by) => context.engine.endFirmwareUpdates(uuid, by));
    },
  }),
];
