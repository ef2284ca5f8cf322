/** `/v1/nodes/{node}/vifs`: the network ports that are attached to a node. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext } from '../context.ts';
import { allows, route } from './policy.ts';
import { AnyQuery } from './strict-requests.ts';

const Uuid = Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }));

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
      return { vifs: (await context.engine.vifsOf(uuid)).map((id) => ({ id })) };
    },
  }),
  route({
    method: 'POST',
    path: '/nodes/:node/vifs',
    policy: 'baremetal:node:vif:attach',
    summary: 'Attach a network port to a node',
    status: 204,
    query: AnyQuery,
    body: Type.Object({
      id: Type.String({ minLength: 1, maxLength: 255 }),
      port_uuid: Uuid,
      portgroup_uuid: Uuid,
    }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      await refuseOthersPort(context, request, request.body.id);
      await context.engine.attachVif(uuid, request.body);
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/vifs/:vif',
    policy: 'baremetal:node:vif:detach',
    summary: 'Detach a network port from a node',
    status: 204,
    query: AnyQuery,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      await context.engine.detachVif(uuid, request.params.vif);
    },
  }),
];

/** The port of another project is as good as none. */
async function refuseOthersPort({ store }: ApiContext, request: FastifyRequest, id: string): Promise<void> {
  if (allows(request, 'baremetal:node:vif:attach', {})) return;
  const port = await store.ports.find({ id });
  if (port?.project_id === request.caller.project_id) return;
  throw new Fault('badRequest', { detail: `Unable to attach VIF ${id}: there is no network port with this id.` });
}
