/** `/v1/chassis`: nodes that an operator groups. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import {
  ChassisRequest,
  createChassis,
  deleteChassis,
  findChassis,
  listChassis,
  patchChassis,
} from '#services/baremetal/chassis.ts';
import { JsonPatch, recordBytes } from '#services/baremetal/json-patch.ts';
import type { ChassisRecord } from '#store/tables/chassis.ts';
import type { ApiContext } from '../context.ts';
import { nextMember } from '../http/pagination.ts';
import { field, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { listReply, NodeList, NodeQuery } from './nodes.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';

const ChassisReply = Type.Record(Type.String(), Type.Unknown());
const ChassisList = Type.Object({ chassis: Type.Array(ChassisReply), next: Word });

type ChassisView = { chassis: ChassisRecord; base: string };

const chassisFields = [
  field<ChassisView>('uuid', 1, ({ chassis }) => chassis.uuid),
  field<ChassisView>('description', 1, ({ chassis }) => chassis.description),
  field<ChassisView>('extra', 1, ({ chassis }) => chassis.extra),
  // A list in a list, as Ironic has it.
  field<ChassisView>('nodes', 1, ({ chassis, base }) => [linksTo(base, `chassis/${chassis.uuid}/nodes`)]),
  field<ChassisView>('created_at', 1, ({ chassis }) => chassis.created_at),
  field<ChassisView>('updated_at', 1, ({ chassis }) => chassis.updated_at),
  field<ChassisView>('links', 1, ({ chassis, base }) => linksTo(base, `chassis/${chassis.uuid}`)),
];
const briefFields = ['uuid', 'description'];

export const chassisRoutes = [
  route({
    method: 'GET',
    path: '/chassis',
    policy: 'baremetal:chassis:get',
    summary: 'List chassis',
    query: PageQuery,
    reply: ChassisList,
    handler: (request, context) => chassisList(context, request, request.query),
  }),
  route({
    method: 'GET',
    path: '/chassis/detail',
    policy: 'baremetal:chassis:get',
    summary: 'List chassis with details',
    query: Type.Omit(PageQuery, ['detail', 'fields']),
    reply: ChassisList,
    handler: (request, context) => chassisList(context, request, { ...request.query, detail: true }),
  }),
  route({
    method: 'GET',
    path: '/chassis/:chassis',
    policy: 'baremetal:chassis:get',
    summary: 'Show a chassis',
    query: Type.Object({ fields: Word }),
    reply: ChassisReply,
    handler: async (request, context) =>
      chassisJson(context, request, { chassis: await findChassis(context, request.params.chassis), ...request.query }),
  }),
  route({
    method: 'POST',
    path: '/chassis',
    policy: 'baremetal:chassis:create',
    summary: 'Create a chassis',
    status: 201,
    body: ChassisRequest,
    reply: ChassisReply,
    async handler(request, context, reply) {
      const chassis = await createChassis(context, request.body);
      reply.header('location', linksTo(context.baseUrl(request), `chassis/${chassis.uuid}`)[0]?.href);
      return chassisJson(context, request, { chassis });
    },
  }),
  route({
    method: 'PATCH',
    path: '/chassis/:chassis',
    policy: 'baremetal:chassis:update',
    summary: 'Change a chassis',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: ChassisReply,
    handler: async (request, context) =>
      chassisJson(context, request, { chassis: await patchChassis(context, request.params.chassis, request.body) }),
  }),
  route({
    method: 'DELETE',
    path: '/chassis/:chassis',
    policy: 'baremetal:chassis:delete',
    summary: 'Delete a chassis',
    status: 204,
    handler: (request, context) => deleteChassis(context, request.params.chassis),
  }),
  route({
    method: 'GET',
    path: '/chassis/:chassis/nodes',
    policy: 'baremetal:node:list',
    summary: 'List the nodes of a chassis',
    query: NodeQuery,
    reply: NodeList,
    handler: (request, context) => nodesOf(context, request, { isDetailed: request.query.detail === true }),
  }),
  route({
    method: 'GET',
    path: '/chassis/:chassis/nodes/detail',
    policy: 'baremetal:node:list',
    summary: 'List the nodes of a chassis with details',
    query: NodeQuery,
    reply: NodeList,
    handler: (request, context) => nodesOf(context, request, { isDetailed: true }),
  }),
];

type NodesRequest = FastifyRequest<{ Params: { chassis: string }; Querystring: Static<typeof NodeQuery> }>;

async function nodesOf(context: ApiContext, request: NodesRequest, { isDetailed }: { isDetailed: boolean }) {
  const { uuid } = await findChassis(context, request.params.chassis);
  return listReply(context, request, { query: { ...request.query, chassis_uuid: uuid }, isDetailed });
}

async function chassisList(context: ApiContext, request: FastifyRequest, query: Static<typeof PageQuery>) {
  const selection = selectionOf(query, briefFields);
  const { items, next } = await listChassis(context, pageOf(query));
  const chassis = items.map((item) => chassisJson(context, request, { chassis: item, ...selection }));
  return { chassis, ...nextMember(context, request, next) };
}

function chassisJson(
  context: ApiContext,
  request: FastifyRequest,
  { chassis, ...selection }: { chassis: ChassisRecord } & Omit<Selection, 'version'>,
) {
  const view = { chassis, base: context.baseUrl(request) };
  return selectFields(chassisFields, view, { ...selection, version: request.microversion });
}
