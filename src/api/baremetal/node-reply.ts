/** The reply for one node. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { StoredNode } from '#store/tables/nodes.ts';
import type { ApiContext } from '../context.ts';
import { jsonText } from '../http/json-text.ts';
import { redactionFor } from './node-redaction.ts';
import type { NodeRendering, NodeReply } from './node-view.ts';

export function renderingFor(context: ApiContext, request: FastifyRequest): NodeRendering {
  return { version: request.microversion, base: context.baseUrl(request), redacts: redactionFor(request) };
}

/** Throws `notFound` if it has been deleted meanwhile. */
export async function nodeReply(
  context: ApiContext,
  request: FastifyRequest,
  { node, fields }: { node: { uuid: string } | { name: string }; fields?: string | undefined },
): Promise<NodeReply> {
  const { nodeRenderer, store } = context;
  const rendering = renderingFor(context, request);
  const view = nodeRenderer.viewOf({ version: request.microversion, fields, showsOwners: rendering.redacts !== undefined });
  const rows = (await store.nodes.stored(view.columns, node)) as StoredNode[];
  const [text] = await nodeRenderer.render(view, rows, rendering);
  if (text === undefined) throw new Fault('notFound', { what: 'Node', id: 'uuid' in node ? node.uuid : node.name });
  return jsonText<NodeReply>(text);
}

export function nodeUrl(context: ApiContext, request: FastifyRequest, { uuid }: { uuid: string }): string {
  return `${context.baseUrl(request)}/baremetal/v1/nodes/${uuid}`;
}
