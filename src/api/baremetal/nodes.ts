/** `/v1/nodes`: enroll, list, show, update, delete. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { asFault, Fault } from '#domain/faults.ts';
import { interfaceFields, perField } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NewNode, NodeChanges } from '#engine/contract.ts';
import { withInstanceName } from '#services/baremetal/instance-name.ts';
import { JsonPatch, membersOf, recordBytes } from '#services/baremetal/json-patch.ts';
import { refuseUnknownValues } from '#services/baremetal/list-filters.ts';
import { findMarked, findNamedNode, findNode } from '#services/baremetal/lookup.ts';
import { bornWithTable, fixedFieldTable, patchOnly, refuseFixedFields } from '#services/baremetal/node-fixed-fields.ts';
import { NodeName, refuseEmptyName, refuseReservedName } from '#services/baremetal/node-names.ts';
import { readNodePatch, textNames } from '#services/baremetal/node-patch.ts';
import { booleanOf, LooseBoolean } from '#services/loose-booleans.ts';
import { readSortKey } from '#store/node-filters.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { nextUrl, type PageSource, readPage } from '../http/pagination.ts';
import { briefFields, conductorName, nodeFields, nodeJson, nodeLinks, nodesJson } from './node-json.ts';
import { refuseLaterFields } from './since.ts';

const Maybe = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const FreeFormObject = Maybe(Type.Record(Type.String(), Type.Unknown()));
const fixed = Object.keys({ ...fixedFieldTable, ...bornWithTable }).filter((name) => !patchOnly.includes(name));
const Text = Maybe(Type.String({ maxLength: 255 }));
/** Omitted = the default. */
const Interface = Maybe(Type.String({ minLength: 1, maxLength: 255 }));

const NodeRequest = Type.Object({
  driver: Type.String({ minLength: 1 }),
  uuid: Maybe(Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' })),
  name: Maybe(NodeName),
  driver_info: FreeFormObject,
  properties: FreeFormObject,
  extra: FreeFormObject,
  instance_info: FreeFormObject,
  resource_class: Maybe(Type.String({ maxLength: 80 })),
  description: Maybe(Type.String({ maxLength: 4096 })),
  owner: Text,
  shard: Text,
  parent_node: Text,
  instance_name: Maybe(Type.String({ minLength: 1, maxLength: 255 })),
  ...perField(() => Interface),
  maintenance: Maybe(LooseBoolean),
  /** Only one value is accepted: see `refuseFixedFields`. */
  ...Object.fromEntries(fixed.map((name) => [name, Type.Optional(Type.Unknown())])),
});

const Flag = Type.Optional(Type.Boolean());
const NodeQuery = Type.Object({
  instance_uuid: Type.Optional(Type.String()),
  associated: Flag,
  maintenance: Flag,
  retired: Flag,
  provision_state: Type.Optional(Type.String()),
  fault: Type.Optional(Type.String()),
  driver: Type.Optional(Type.String()),
  resource_class: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  lessee: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
  chassis_uuid: Type.Optional(Type.String()),
  conductor: Type.Optional(Type.String()),
  conductor_group: Type.Optional(Type.String()),
  description_contains: Type.Optional(Type.String()),
  shard: Type.Optional(Type.String()),
  sharded: Flag,
  parent_node: Type.Optional(Type.String()),
  include_children: Flag,
  instance_name: Type.Optional(Type.String()),
  detail: Flag,
  fields: Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Type.Optional(Type.String()),
});
type NodeQuery = Static<typeof NodeQuery>;
const PatchQuery = Type.Object({ reset_interfaces: Flag });
const NodeParams = Type.Object({ node: Type.String() });

export function registerNodes(app: ApiScope, context: ApiContext): void {
  const { engine } = context;

  app.get('/nodes', { schema: { querystring: NodeQuery } }, async (request) =>
    listReply(context, request, { query: request.query, isDetailed: request.query.detail === true }),
  );
  app.get('/nodes/detail', { schema: { querystring: NodeQuery } }, async (request) =>
    listReply(context, request, { query: request.query, isDetailed: true }),
  );

  const fields = Type.Object({ fields: Type.Optional(Type.String()) });
  app.get('/nodes/:node', { schema: { params: NodeParams, querystring: fields } }, async (request) =>
    nodeJson(context, request, await findNode(context, request.params.node), request.query.fields),
  );

  app.post('/nodes', { bodyLimit: recordBytes, schema: { body: NodeRequest } }, async (request, reply) => {
    refuseLaterFields(nodeFields, Object.keys(request.body), request.microversion);
    refuseFixedFields(request.body);
    // Up to 1.10 nodes were enrolled as available.
    const provision_state = atLeast(request.microversion, 11) ? 'enroll' : 'available';
    const wanted = await withParent(context, readNode(request.body));
    const node = await engine.createNode({ ...wanted, provision_state });
    reply.code(201).header('location', nodeLinks(context.baseUrl(request), node)[0]?.href);
    return nodeJson(context, request, node);
  });

  const change = { params: NodeParams, querystring: PatchQuery, body: JsonPatch };
  app.patch('/nodes/:node', { bodyLimit: recordBytes, schema: change }, async (request) => {
    const node = await findNode(context, request.params.node);
    refuseLaterFields(nodeFields, membersOf(request.body), request.microversion);
    const { reset_interfaces } = request.query;
    // A driver change resets the interfaces in any case.
    if (reset_interfaces !== undefined && !membersOf(request.body).has('driver'))
      throw new Fault('badRequest', {
        detail: "The reset_interfaces parameter can only be used when changing the node's driver.",
      });
    const { parent_node } = await withParent(context, readNodePatch(node, request.body));
    const changed = await engine.updateNode(node.uuid, (now) => ({
      ...readNodePatch(now, request.body),
      ...(parent_node !== undefined && { parent_node }),
    }));
    return nodeJson(context, request, changed);
  });

  app.delete('/nodes/:node', { schema: { params: NodeParams } }, async (request, reply) => {
    await engine.deleteNode((await findNode(context, request.params.node)).uuid);
    reply.code(204).send();
  });
}

/** null and '' mean "not given"; the engine then chooses. */
function readNode(body: Static<typeof NodeRequest>): NewNode {
  const { driver, driver_info, properties, extra, instance_info, instance_name, uuid, maintenance, ...texts } = body;
  if (body.name === '') refuseEmptyName(body.name);
  refuseReservedName(body.name);
  const known = [...textNames, ...interfaceFields] as const;
  const given = Object.fromEntries(known.flatMap((key) => (texts[key] ? [[key, texts[key]]] : [])));
  const named = instance_name && { instance_info: withInstanceName((instance_info ?? {}) as JsonObject, instance_name) };
  const bags = { driver_info, properties, extra, instance_info, ...named } as Record<string, JsonObject | undefined>;
  const filled = Object.fromEntries(Object.entries(bags).filter(([, bag]) => bag));
  return {
    driver,
    ...(uuid && { uuid: uuid.toLowerCase() }),
    ...(maintenance !== undefined && maintenance !== null && { maintenance: booleanOf('maintenance', maintenance) }),
    ...given,
    ...filled,
  };
}

/** A parent is given by name or UUID, and stored by UUID. */
async function withParent<C extends NodeChanges>(context: ApiContext, changes: C): Promise<C> {
  if (!changes.parent_node) return changes;
  return { ...changes, parent_node: (await findNamedNode(context, changes.parent_node)).uuid };
}

/** Filters by microversion. */
const filterTable = [
  { name: 'shard', since: 82 },
  { name: 'sharded', since: 82 },
  { name: 'parent_node', since: 83 },
  { name: 'include_children', since: 83 },
  { name: 'instance_name', since: 104 },
];

/** UUID of a node by name or UUID; an unknown identifier stays as it is, and matches no parent. */
async function uuidOf(context: ApiContext, ident: string): Promise<string> {
  const node = await findNode(context, ident).catch((error: unknown) => {
    if (asFault(error).code !== 'notFound') throw error;
  });
  return node?.uuid ?? ident;
}

type ListRequest = { query: NodeQuery; isDetailed: boolean };

async function listReply(context: ApiContext, request: FastifyRequest, { query, isDetailed }: ListRequest): Promise<object> {
  if (isDetailed && query.fields !== undefined)
    throw new Fault('badRequest', { detail: "Can't fetch a subset of fields with 'detail' set" });
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  const { store } = context;
  const { sort_key, sort_dir, limit, marker, detail: _, fields, project, ...filters } = query;
  if (project !== undefined && filters.owner !== undefined && filters.owner !== project)
    throw new Fault('badRequest', { detail: 'owner and project can only be the same: no node has a lessee.' });
  if (project !== undefined) filters.owner = project;
  refuseUnknownValues(filters);
  if (filters.parent_node !== undefined) filters.parent_node = await uuidOf(context, filters.parent_node);
  const isHere = filters.conductor === undefined ? undefined : filters.conductor === conductorName;
  const wanted = {
    filters: { ...filters, conductor: isHere },
    sortBy: readSortKey(sort_key || undefined),
    descending: sort_dir === 'desc',
  };
  const source: PageSource<{ uuid: string }, Node> = {
    find: (uuid) => findMarked(uuid, 'Node', store.nodes.find({ uuid })),
    list: (page) => store.nodes.listIds(wanted, page),
  };
  const page = await readPage(source, { limit, marker, idOf: ({ uuid }) => uuid });
  const brief = isDetailed ? {} : { brief: briefFields };
  const nodes: object[] = [];
  for await (const some of store.nodes.read(page.items)) {
    nodes.push(...(await nodesJson(context, request, { nodes: some, fields, ...brief })));
  }
  return { nodes, ...(page.next !== undefined && { next: nextUrl(context, request, page.next) }) };
}
