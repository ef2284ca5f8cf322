/** `/v1/portgroups`: the ports of a node that form one bond. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { JsonPatch, membersOf, recordBytes } from '#services/baremetal/json-patch.ts';
import {
  createPortGroup,
  findPortGroup,
  listPortGroups,
  PortGroupRequest,
  patchPortGroup,
} from '#services/baremetal/port-groups.ts';
import type { PortGroup } from '#store/tables/port-groups.ts';
import type { ApiContext } from '../context.ts';
import { nextMember } from '../http/pagination.ts';
import { field, refuseLaterSortKey, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { authorizeMove, authorizeNamed, listProject, ofProject, refuseHiddenNode } from './node-access.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';
import { listReply as listPorts, PortList, PortQuery } from './ports.ts';
import { refuseLaterFields } from './since.ts';

const Filters = Type.Object({ node: Word, address: Word, shard: Word, conductor_groups: Word });
const GroupQuery = Type.Interface([PageQuery, Filters], {});
type GroupQuery = Static<typeof GroupQuery>;
const GroupReply = Type.Record(Type.String(), Type.Unknown());
const GroupList = Type.Object({ portgroups: Type.Array(GroupReply), next: Word });

type GroupView = { group: PortGroup; base: string };
const plain = (name: keyof PortGroup, since = 1) => field<GroupView>(name, since, ({ group }) => group[name]);

const groupFields = [
  plain('uuid'),
  plain('address'),
  plain('name'),
  plain('node_uuid'),
  plain('extra'),
  field<GroupView>('internal_info', 1, ({ group }) => (group.vif_port_id ? { tenant_vif_port_id: group.vif_port_id } : {})),
  plain('standalone_ports_supported'),
  plain('mode', 26),
  plain('properties', 26),
  plain('physical_network', 102),
  plain('category', 103),
  plain('dynamic_portgroup', 111),
  field<GroupView>('ports', 1, ({ group, base }) => linksTo(base, `portgroups/${group.uuid}/ports`)),
  plain('created_at'),
  plain('updated_at'),
  field<GroupView>('links', 1, ({ group, base }) => linksTo(base, `portgroups/${group.uuid}`)),
];
const briefFields = ['uuid', 'address', 'name'];

/** Filters by microversion. */
const filterTable = [
  { name: 'conductor_groups', since: 99 },
  { name: 'shard', since: 106 },
];

const listTable = [
  { path: '/portgroups', summary: 'List port groups', isDetailed: false },
  { path: '/portgroups/detail', summary: 'List port groups with details', isDetailed: true },
] as const;
const ofNodeTable = [
  { path: '/nodes/:node/portgroups', summary: 'List the port groups of a node', isDetailed: false },
  { path: '/nodes/:node/portgroups/detail', summary: 'List the port groups of a node with details', isDetailed: true },
] as const;
const portsTable = [
  { path: '/portgroups/:portgroup/ports', summary: 'List the ports of a port group', isDetailed: false },
  { path: '/portgroups/:portgroup/ports/detail', summary: 'List the ports of a port group with details', isDetailed: true },
] as const;

export const portGroupRoutes = [
  ...listTable.map(({ isDetailed, ...row }) =>
    route({
      ...{ ...row, method: 'GET', policy: 'baremetal:portgroup:list', query: GroupQuery, reply: GroupList },
      handler: (request, context) => groupList(context, request, { ...request.query, ...(isDetailed && { detail: true }) }),
    }),
  ),
  ...ofNodeTable.map(({ isDetailed, ...row }) =>
    route({
      ...{ ...row, method: 'GET', policy: 'baremetal:portgroup:get', query: GroupQuery, reply: GroupList },
      handler: (request, context) =>
        groupList(context, request, { ...request.query, node: request.params.node, ...(isDetailed && { detail: true }) }),
    }),
  ),
  ...portsTable.map(({ isDetailed, ...row }) =>
    route({
      ...{ ...row, method: 'GET', policy: 'baremetal:port:get', query: PortQuery, reply: PortList },
      handler: (request, context) =>
        listPorts(context, request, {
          ...{ ...request.query, portgroup: request.params.portgroup },
          ...(isDetailed && { detail: true }),
        }),
    }),
  ),
  route({
    method: 'GET',
    path: '/portgroups/:portgroup',
    policy: 'baremetal:portgroup:get',
    summary: 'Show a port group',
    query: Type.Object({ fields: Word }),
    reply: GroupReply,
    handler: async (request, context) =>
      groupJson(context, request, { group: await findPortGroup(context, request.params.portgroup), ...request.query }),
  }),
  route({
    method: 'POST',
    path: '/portgroups',
    policy: 'baremetal:portgroup:create',
    summary: 'Create a port group',
    status: 201,
    bodyLimit: recordBytes,
    body: PortGroupRequest,
    reply: GroupReply,
    async handler(request, context, reply) {
      refuseLaterFields(groupFields, Object.keys(request.body), request.microversion);
      const ident = request.body.node_uuid;
      await authorizeNamed(context, request, { ident, rule: 'baremetal:portgroup:create' });
      const group = await createPortGroup(context, request.body);
      reply.header('location', linksTo(context.baseUrl(request), `portgroups/${group.uuid}`)[0]?.href);
      return groupJson(context, request, { group });
    },
  }),
  route({
    method: 'PATCH',
    path: '/portgroups/:portgroup',
    policy: 'baremetal:portgroup:update',
    summary: 'Change a port group',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: GroupReply,
    async handler(request, context) {
      refuseLaterFields(groupFields, membersOf(request.body), request.microversion);
      await authorizeMove(context, request, { patch: request.body, rule: 'baremetal:portgroup:update' });
      const group = await patchPortGroup(context, request.params.portgroup, request.body);
      return groupJson(context, request, { group });
    },
  }),
  route({
    method: 'DELETE',
    path: '/portgroups/:portgroup',
    policy: 'baremetal:portgroup:delete',
    summary: 'Delete a port group',
    status: 204,
    async handler(request, context) {
      const { uuid } = await findPortGroup(context, request.params.portgroup);
      await context.engine.deletePortGroup(uuid);
    },
  }),
];

async function groupList(context: ApiContext, request: FastifyRequest, query: GroupQuery) {
  const selection = selectionOf(query, briefFields);
  refuseLaterFields(filterTable, Object.keys(query), request.microversion);
  refuseLaterSortKey(groupFields, query.sort_key, request.microversion);
  const { node, address, shard, conductor_groups } = query;
  await refuseHiddenNode(context, request, node);
  const visible = ofProject(listProject(request, 'portgroup'));
  const { items, next } = await listPortGroups(context, { ...pageOf(query), node, address, shard, conductor_groups, visible });
  const portgroups = items.map((group) => groupJson(context, request, { group, ...selection }));
  return { portgroups, ...nextMember(context, request, next) };
}

function groupJson(
  context: ApiContext,
  request: FastifyRequest,
  { group, ...selection }: { group: PortGroup } & Omit<Selection, 'version'>,
) {
  const view = { group, base: context.baseUrl(request) };
  return selectFields(groupFields, view, { ...selection, version: request.microversion });
}
