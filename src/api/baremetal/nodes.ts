/** `/v1/nodes`: enroll, list, show, update, delete. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { JsonPatch, membersOf, recordBytes } from '#services/baremetal/json-patch.ts';
import { refuseUnknownValues } from '#services/baremetal/list-filters.ts';
import { findMarked, nodeKey } from '#services/baremetal/lookup.ts';
import { refuseUnknownFilters } from '#services/baremetal/node-references.ts';
import { createNode, deleteNode, NodeRequest, patchNode, uuidOf } from '#services/baremetal/nodes.ts';
import { type NodeListRequest, readSortKey } from '#store/node-filters.ts';
import type { Node, StoredNode } from '#store/tables/nodes.ts';
import type { ApiContext } from '../context.ts';
import { JsonItems } from '../http/json-text.ts';
import { atLeast } from '../http/microversions.ts';
import { nextMember, type Page, type PageSource, readPage } from '../http/pagination.ts';
import { authorizeNode, listProject } from './node-access.ts';
import { conductorName, nodeFields } from './node-fields.ts';
import { redactionFor } from './node-redaction.ts';
import { nodeReply, nodeUrl, renderingFor } from './node-reply.ts';
import { updateRulesOf } from './node-update-rules.ts';
import { NodeReply, type NodeView } from './node-view.ts';
import { allows, authorize, route } from './policy.ts';
import { refuseLaterFields } from './since.ts';

const Flag = Type.Optional(Type.Boolean());
const Word = Type.Optional(Type.String());
export const NodeQuery = Type.Object({
  instance_uuid: Word,
  associated: Flag,
  maintenance: Flag,
  retired: Flag,
  provision_state: Word,
  fault: Word,
  driver: Word,
  resource_class: Word,
  owner: Word,
  lessee: Word,
  project: Word,
  chassis_uuid: Word,
  conductor: Word,
  conductor_group: Word,
  description_contains: Word,
  shard: Word,
  sharded: Flag,
  parent_node: Word,
  include_children: Flag,
  instance_name: Word,
  detail: Flag,
  fields: Word,
  sort_key: Word,
  sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Word,
});
type NodeQuery = Static<typeof NodeQuery>;

export const NodeList = Type.Object({ nodes: Type.Array(NodeReply), next: Word });
type NodeList = Static<typeof NodeList>;

export const nodeRoutes = [
  route({
    method: 'GET',
    path: '/nodes',
    policy: 'baremetal:node:list',
    summary: 'List nodes',
    query: NodeQuery,
    reply: NodeList,
    handler: (request, context) =>
      listReply(context, request, { query: request.query, isDetailed: request.query.detail === true }),
  }),
  route({
    method: 'GET',
    path: '/nodes/detail',
    policy: 'baremetal:node:list',
    summary: 'List nodes with details',
    query: NodeQuery,
    reply: NodeList,
    handler: (request, context) => listReply(context, request, { query: request.query, isDetailed: true }),
  }),
  route({
    method: 'GET',
    path: '/nodes/:node',
    policy: 'baremetal:node:get',
    summary: 'Show a node',
    query: Type.Object({ fields: Word }),
    reply: NodeReply,
    handler: (request, context) =>
      nodeReply(context, request, { node: nodeKey(request.params.node), fields: request.query.fields }),
  }),
  route({
    method: 'POST',
    path: '/nodes',
    policy: 'baremetal:node:create:any',
    summary: 'Enrol a node',
    bodyLimit: recordBytes,
    body: NodeRequest,
    reply: NodeReply,
    status: 201,
    async handler(request, context, reply) {
      refuseLaterFields(nodeFields, Object.keys(request.body), request.microversion);
      // Up to 1.10 nodes were enrolled as available.
      const body = { ...request.body, ...selfOwned(request) };
      const node = await createNode(context, body, atLeast(request.microversion, 11) ? 'enroll' : 'available');
      reply.header('location', nodeUrl(context, request, node));
      return nodeReply(context, request, { node: { uuid: node.uuid } });
    },
  }),
  route({
    method: 'PATCH',
    path: '/nodes/:node',
    policy: 'baremetal:node:update:any',
    summary: 'Change a node',
    bodyLimit: recordBytes,
    query: Type.Object({ reset_interfaces: Flag }),
    body: JsonPatch,
    reply: NodeReply,
    async handler(request, context) {
      const { node: ident } = request.params;
      await authorizeNode(context, request, { ident, rules: updateRulesOf(request.body) });
      refuseLaterFields(nodeFields, membersOf(request.body), request.microversion);
      const { reset_interfaces } = request.query;
      const mayChangeOwner = allows(request, 'baremetal:node:update_owner_provisioned');
      const uuid = await patchNode(context, request.params.node, { patch: request.body, reset_interfaces, mayChangeOwner });
      return nodeReply(context, request, { node: { uuid } });
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node',
    policy: 'baremetal:node:delete:any',
    summary: 'Delete a node',
    status: 204,
    handler: (request, context) => deleteNode(context, request.params.node),
  }),
];

/** Who may not enrol any node may enrol those of the own project. @throws Fault `forbidden` */
function selfOwned(request: FastifyRequest): { owner?: string } {
  if (allows(request, 'baremetal:node:create')) return {};
  const { owner } = request.body as { owner?: string | null };
  const { project_id } = request.caller;
  if (!project_id || (owner && owner !== project_id)) authorize(request, 'baremetal:node:create');
  return { owner: project_id };
}

/** Filters by microversion. */
const filterTable = [
  { name: 'shard', since: 82 },
  { name: 'sharded', since: 82 },
  { name: 'parent_node', since: 83 },
  { name: 'include_children', since: 83 },
  { name: 'instance_name', since: 104 },
];

type ListRequest = { query: NodeQuery; isDetailed: boolean };

/** The list of nodes that match a query, also of those that belong to another resource. */
export async function listReply(
  context: ApiContext,
  request: FastifyRequest,
  { query, isDetailed }: ListRequest,
): Promise<NodeList> {
  if (isDetailed && query.fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  const wanted = await readQuery(context, query, listProject(request, 'node', query.owner));
  const { nodeRenderer } = context;
  const redacts = redactionFor(request);
  const selection = { version: request.microversion, fields: query.fields, isBrief: !isDetailed };
  const view = nodeRenderer.viewOf({ ...selection, showsOwners: redacts !== undefined });
  const page = await pageOfNodes(context, { wanted, view, query });
  const nodes = new JsonItems();
  for await (const rows of rowsOf(context, view, page)) {
    for (const text of await nodeRenderer.render(view, rows, renderingFor(context, request))) nodes.add(text);
  }
  return { nodes: nodes.asList(), ...nextMember(context, request, page.next) };
}

async function readQuery(context: ApiContext, query: NodeQuery, project: string | undefined): Promise<NodeListRequest> {
  const { sort_key, sort_dir, limit: _limit, marker: _marker, detail: _detail, fields: _fields, ...filters } = query;
  refuseUnknownValues(filters);
  await refuseUnknownFilters(context, filters);
  if (filters.parent_node !== undefined) filters.parent_node = await uuidOf(context, filters.parent_node);
  const conductor = filters.conductor === undefined ? undefined : filters.conductor === conductorName;
  return {
    filters: { ...filters, conductor, visible_to: project },
    sortBy: readSortKey(sort_key || undefined),
    descending: sort_dir === 'desc',
  };
}

/** Of short columns, the rows themselves are the page; otherwise it has the ids. */
function pageOfNodes(
  { store }: ApiContext,
  { wanted, view, query }: { wanted: NodeListRequest; view: NodeView; query: NodeQuery },
): Promise<Page<StoredNode>> {
  const source: PageSource<StoredNode, Node> = {
    find: (marker) => findMarked(marker, 'Node', (uuid) => visibleNode(store, uuid, wanted.filters['visible_to'])),
    list: (page) =>
      view.isShort
        ? store.nodes.listStored({ ...wanted, columns: view.columns }, page)
        : (store.nodes.listIds(wanted, page) as Promise<object[]> as Promise<StoredNode[]>),
  };
  return readPage(source, { limit: query.limit, marker: query.marker, idOf: ({ uuid }) => String(uuid) });
}

/** The node after which a page begins is one that the list may show. */
async function visibleNode(store: ApiContext['store'], uuid: string, project: unknown): Promise<Node | undefined> {
  const node = await store.nodes.find({ uuid });
  return node && (project === undefined || node.owner === project || node.lessee === project) ? node : undefined;
}

async function* rowsOf({ store }: ApiContext, { isShort, columns }: NodeView, { items }: Page<StoredNode>) {
  if (isShort) yield items;
  else yield* store.nodes.readStored(items as unknown as { uuid: string }[], columns);
}
