/** Node groups: shards, and child nodes. */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { since } from './since.ts';

const NodeParams = Type.Object({ node: Type.String() });

export function registerNodeGroups(app: ApiScope, context: ApiContext): void {
  const { store } = context;
  app.get('/shards', { preValidation: since(82) }, async () => ({ shards: await store.nodes.countShards() }));
  app.get('/nodes/:node/children', { preValidation: since(83), schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const children = await store.nodes.listIds({ filters: { parent_node: uuid }, sortBy: undefined, descending: false });
    const href = `${context.baseUrl(request)}/baremetal/v1/nodes?parent_node=${uuid}`;
    return { children: children.map((child) => child.uuid), links: { href, rel: 'children' } };
  });
}
