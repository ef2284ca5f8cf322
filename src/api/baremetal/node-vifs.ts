/** `/v1/nodes/{node}/vifs`: the network ports that are attached to a node; and its RAID, which Ingot does not have. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext } from '../context.ts';
import { route, unsupportedRoute } from './policy.ts';
import { AnyQuery } from './strict-requests.ts';

export const nodeVifRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/vifs',
    policy: 'baremetal:node:vif:list',
    summary: 'List the network ports that are attached to a node',
    query: AnyQuery,
    reply: Type.Object({ vifs: Type.Array(Type.Object({ id: Type.String() })) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const { node_ports, portgroups } = context.store;
      const ports = await node_ports.list({ node_uuid: uuid }, { orderBy: 'id' });
      const groups = await portgroups.list({ node_uuid: uuid }, { order: [{ column: 'created_at' }, { column: 'uuid' }] });
      return { vifs: [...ports, ...groups].flatMap(({ vif_port_id }) => (vif_port_id ? [{ id: vif_port_id }] : [])) };
    },
  }),
  unsupportedRoute({
    ...{ method: 'POST', path: '/nodes/:node/vifs', policy: 'baremetal:node:vif:attach', query: AnyQuery, before: refuseNoNode },
    what: 'Attaching a VIF by hand (create the server with a port instead)',
  }),
  unsupportedRoute({
    ...{ method: 'DELETE', path: '/nodes/:node/vifs/:vif', policy: 'baremetal:node:vif:detach', query: AnyQuery },
    before: refuseNoNode,
    what: 'Detaching a VIF by hand',
  }),
  unsupportedRoute({
    ...{ method: 'PUT', path: '/nodes/:node/states/raid', policy: 'baremetal:node:set_raid_state', query: AnyQuery },
    before: refuseNoNode,
    what: 'RAID',
  }),
];

async function refuseNoNode(request: FastifyRequest, context: ApiContext): Promise<void> {
  await findNode(context, (request.params as { node: string }).node);
}
