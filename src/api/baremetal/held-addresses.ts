/**
 * `/v1/nodes/{node}/held_addresses`: addresses that no port gets, because the machine, which could not be powered off, may
 * still use them. An addition of Ingot's.
 */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { Nullable } from '../http/schemas.ts';
import { endByOperator, listOfNode } from './node-records.ts';
import { route } from './policy.ts';

const HeldAddress = Type.Object({
  ip_address: Type.String(),
  project_id: Type.String(),
  instance_uuid: Nullable(Type.String()),
  reason: Type.String(),
  created_at: Type.String(),
});

export const heldAddressRoutes = [
  listOfNode({
    noun: 'held_address',
    plural: 'held_addresses',
    shape: HeldAddress,
    summary: 'List the addresses that the machine of a node may still use (Ingot extension)',
    read: ({ store }, node_uuid) => store.held_addresses.list({ node_uuid }, { orderBy: 'ip_address' }),
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/held_addresses/:address',
    policy: 'baremetal:node:held_address:delete',
    summary: 'Release an address that the machine of a node does not use any more (Ingot extension)',
    status: 204,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const { address } = request.params;
      const what = { what: 'Held address', id: address };
      await endByOperator(request.caller, what, (by) => context.engine.releaseAddress(uuid, address, by));
    },
  }),
];
