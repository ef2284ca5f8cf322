/** `/v1/allocations`: a node by class and traits. Projects have allocations of their own, of nodes that they own. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  AllocationRequest,
  createAllocation,
  findAllocation,
  listAllocations,
  patchAllocation,
} from '#services/baremetal/allocations.ts';
import { JsonPatch, recordBytes } from '#services/baremetal/json-patch.ts';
import { findNamedNode, findNode } from '#services/baremetal/lookup.ts';
import type { Allocation } from '#store/tables/allocations.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { nextMember } from '../http/pagination.ts';
import { field, refuseUnknownFields, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { refuseHiddenNode, seesNode } from './node-access.ts';
import { PageQuery, pageOf, Word } from './page-query.ts';
import { allows, authorize, type BaremetalRule, route } from './policy.ts';

const Filters = Type.Object({ node: Word, resource_class: Word, state: Word, owner: Word });
const AllocationQuery = Type.Interface([Type.Omit(PageQuery, ['detail']), Filters], {});
const AllocationReply = Type.Record(Type.String(), Type.Unknown());
const FieldsQuery = Type.Object({ fields: Word });

/** In the reply to its creation an allocation has no outcome yet: Ironic chooses the node afterwards, and clients wait for that. */
function asAccepted(allocation: Allocation): Accepted {
  return { ...allocation, state: 'allocating', node_uuid: null, last_error: null };
}

type Accepted = Omit<Allocation, 'state'> & { state: Allocation['state'] | 'allocating' };
type AllocationView = { allocation: Accepted; base: string };
const plain = (name: keyof Allocation, since = 1) => field<AllocationView>(name, since, ({ allocation }) => allocation[name]);

const allocationFields = [
  plain('uuid'),
  plain('candidate_nodes'),
  plain('extra'),
  plain('last_error'),
  plain('name'),
  plain('node_uuid'),
  plain('owner', 60),
  plain('resource_class'),
  plain('state'),
  plain('traits'),
  plain('created_at'),
  plain('updated_at'),
  field<AllocationView>('links', 1, ({ allocation, base }) => linksTo(base, `allocations/${allocation.uuid}`)),
];

export const allocationRoutes = [
  route({
    method: 'GET',
    path: '/allocations',
    policy: 'baremetal:allocation:list',
    since: 52,
    summary: 'List allocations',
    query: AllocationQuery,
    reply: Type.Object({ allocations: Type.Array(AllocationReply), next: Word }),
    handler: (request, context) => allocationList(context, request, request.query),
  }),
  route({
    method: 'POST',
    path: '/allocations',
    policy: 'baremetal:allocation:create',
    since: 52,
    summary: 'Create an allocation',
    status: 201,
    bodyLimit: recordBytes,
    body: AllocationRequest,
    reply: AllocationReply,
    async handler(request, context, reply) {
      const { owner, node, ...body } = request.body;
      if (owner && !atLeast(request.microversion, 60)) throw laterField('owner', 60);
      const found = node ? await backfilled(context, request, node) : undefined;
      const allocation = await createAllocation(context, { ...body, ...ownership(request, owner), node: found?.uuid });
      reply.header('location', linksTo(context.baseUrl(request), `allocations/${allocation.uuid}`)[0]?.href);
      return allocationJson(context, request, { allocation: found ? allocation : asAccepted(allocation) });
    },
  }),
  route({
    method: 'GET',
    path: '/allocations/:allocation',
    policy: 'baremetal:allocation:get',
    since: 52,
    summary: 'Show an allocation',
    query: FieldsQuery,
    reply: AllocationReply,
    async handler(request, context) {
      const allocation = await permitted(context, request, request.params.allocation, 'baremetal:allocation:get');
      return allocationJson(context, request, { allocation, ...request.query });
    },
  }),
  route({
    method: 'PATCH',
    path: '/allocations/:allocation',
    policy: 'baremetal:allocation:update',
    since: 57,
    summary: 'Change an allocation',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: AllocationReply,
    async handler(request, context) {
      const { uuid } = await permitted(context, request, request.params.allocation, 'baremetal:allocation:update');
      return allocationJson(context, request, { allocation: await patchAllocation(context, uuid, request.body) });
    },
  }),
  route({
    method: 'DELETE',
    path: '/allocations/:allocation',
    policy: 'baremetal:allocation:delete',
    since: 52,
    summary: 'Delete an allocation',
    status: 204,
    async handler(request, context) {
      const { uuid } = await permitted(context, request, request.params.allocation, 'baremetal:allocation:delete');
      await context.engine.deleteAllocation(uuid);
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/allocation',
    policy: 'baremetal:allocation:get',
    since: 52,
    summary: 'Show the allocation of a node',
    query: FieldsQuery,
    reply: AllocationReply,
    async handler(request, context) {
      const allocation = await ofNode(context, request.params.node);
      return allocationJson(context, request, { allocation, ...request.query });
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/allocation',
    policy: 'baremetal:allocation:delete',
    since: 52,
    summary: 'Delete the allocation of a node',
    status: 204,
    async handler(request, context) {
      const { uuid, owner } = await ofNode(context, request.params.node);
      authorize(request, 'baremetal:allocation:delete', targetOf(owner));
      await context.engine.deleteAllocation(uuid);
    },
  }),
];

const targetOf = (owner: string | null) => ({ 'allocation.owner': owner });

/** What the caller may not see is not there; what it may see and not change is forbidden. */
async function permitted(context: ApiContext, request: FastifyRequest, ident: string, rule: BaremetalRule): Promise<Allocation> {
  const allocation = await findAllocation(context, ident);
  const target = targetOf(allocation.owner);
  if (!allows(request, 'baremetal:allocation:get', target)) throw new Fault('notFound', { what: 'Allocation', id: ident });
  authorize(request, rule, target);
  return allocation;
}

async function ofNode(context: ApiContext, ident: string): Promise<Allocation> {
  const { uuid } = await findNode(context, ident);
  const allocation = await context.store.allocations.find({ node_uuid: uuid });
  if (!allocation) throw new Fault('notFound', { what: 'Allocation for node', id: ident });
  return allocation;
}

/** The owner, and whose nodes may be candidates: of the own project, unless a rule allows others. */
function ownership(request: FastifyRequest, owner: string | null | undefined) {
  if (allows(request, 'baremetal:allocation:create_restricted')) return { owner: owner || null };
  const project = request.caller.project_id;
  if (owner && owner !== project) authorize(request, 'baremetal:allocation:create_restricted');
  return { owner: project, project };
}

async function backfilled(context: ApiContext, request: FastifyRequest, ident: string): Promise<{ uuid: string }> {
  if (!atLeast(request.microversion, 58)) {
    const detail = 'Cannot set node when creating an allocation in this API version';
    throw new Fault('badRequest', { detail });
  }
  const node = await findNamedNode(context, ident);
  if (!seesNode(request, node)) throw new Fault('badRequest', { detail: `Node ${ident} could not be found.` });
  return node;
}

async function allocationList(context: ApiContext, request: FastifyRequest, query: Static<typeof AllocationQuery>) {
  const { node, resource_class, state, owner, fields } = query;
  if (owner !== undefined && !atLeast(request.microversion, 60)) throw laterField('owner', 60);
  if (query.sort_key !== undefined && allocationFields.some(({ name }) => name === query.sort_key))
    refuseUnknownFields(allocationFields, [query.sort_key], request.microversion);
  const isRestricted = !allows(request, 'baremetal:allocation:list_all');
  const project = request.caller.project_id;
  if (isRestricted && owner !== undefined && owner !== project) authorize(request, 'baremetal:allocation:list_all');
  await refuseHiddenNode(context, request, node);
  const filters = {
    ...{ resource_class, state, owner: isRestricted ? project : owner },
    ...(node !== undefined && { node_uuid: (await findNamedNode(context, node)).uuid }),
  };
  const { items, next } = await listAllocations(context, pageOf(query), filters);
  const allocations = items.map((allocation) => allocationJson(context, request, { allocation, fields }));
  return { allocations, ...nextMember(context, request, next) };
}

function laterField(name: string, since: number): Fault {
  return new Fault('notAcceptable', { detail: `The field '${name}' needs API version 1.${since} or later.` });
}

function allocationJson(
  context: ApiContext,
  request: FastifyRequest,
  { allocation, fields }: { allocation: Accepted; fields?: string | undefined },
) {
  const view = { allocation, base: context.baseUrl(request) };
  return selectFields(allocationFields, view, { fields, version: request.microversion });
}
