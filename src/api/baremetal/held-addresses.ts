/**
 * `/v1/nodes/{node}/held_addresses`: addresses that no port gets, because the machine, which could not be powered off, may
 * still use them. An addition of Ingot's.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { Nullable } from '../http/schemas.ts';
import { route } from './policy.ts';

const HeldAddress = Type.Object({
  ip_address: Type.String(),
  project_id: Type.String(),
  instance_uuid: Nullable(Type.String()),
  reason: Type.String(),
  created_at: Type.String(),
});

export const heldAddressRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/held_addresses',
    policy: 'baremetal:node:held_address:get',
    summary: 'List the addresses that the machine of a node may still use (Ingot extension)',
    reply: Type.Object({ held_addresses: Type.Array(HeldAddress) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const held = await context.store.held_addresses.list({ node_uuid: uuid }, { orderBy: 'ip_address' });
      return { held_addresses: held.map(({ node_uuid: _, ...each }) => each) };
    },
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
      const { user_name, user_id } = request.caller;
      if (!(await context.engine.releaseAddress(uuid, address, `${user_name} (user ${user_id})`)))
        throw new Fault('notFound', { what: 'Held address', id: address });
    },
  }),
];
