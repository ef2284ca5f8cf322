/** Node groups: shards, and child nodes. */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { Nullable } from '../http/schemas.ts';
import { listProject } from './node-access.ts';
import { route } from './policy.ts';

export const nodeGroupRoutes = [
  route({
    method: 'GET',
    path: '/shards',
    policy: 'baremetal:shards:get',
    since: 82,
    summary: 'List the shards',
    reply: Type.Object({ shards: Type.Array(Type.Object({ name: Nullable(Type.String()), count: Type.Integer() })) }),
    handler: async (_request, context) => ({ shards: await context.store.nodes.countShards() }),
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/children',
    policy: 'baremetal:node:get',
    since: 83,
    summary: 'List the child nodes of a node',
    reply: Type.Object({
      children: Type.Array(Type.String()),
      links: Type.Object({ href: Type.String(), rel: Type.String() }),
    }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      // A child may belong to another project than its parent.
      const filters = { parent_node: uuid, project: listProject(request, 'node') };
      const wanted = { filters, sortBy: undefined, descending: false };
      const children = await context.store.nodes.listIds(wanted);
      const href = `${context.baseUrl(request)}/baremetal/v1/nodes?parent_node=${uuid}`;
      return { children: children.map((child) => child.uuid), links: { href, rel: 'children' } };
    },
  }),
];
