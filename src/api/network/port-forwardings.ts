/** `/floatingips/{id}/port_forwardings`: ports of a floating IP that lead to ports of addresses. */
import { type Static, Type } from 'typebox';
import {
  createForwarding,
  deleteForwarding,
  missingForwarding,
  mostForwardings,
  updateForwarding,
} from '#services/network/port-forwardings.ts';
import { isEqual } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { FloatingIp, PortForwarding } from '#store/tables/floating-ips.ts';
import { integerField, type ListFields, textFields } from '../http/list.ts';
import { Links, Maybe } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { floatingIps, portsOf } from './floating-ips.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery } from './list-query.ts';
import { allows, authorize, type NetworkRule, route } from './policy.ts';
import { type Call, findRow } from './resource.ts';
import { Description } from './standard-attributes.ts';

/** The openstack client sends ports as numbers, and ranges as text. */
const Ports = Maybe(Type.Union([Type.Integer(), Type.String({ maxLength: 11 })]));
const protocols = ['tcp', 'udp', 'icmp', 'icmp6', 'sctp', 'dccp'] as const;
const Changes = Type.Object(
  {
    external_port: Ports,
    external_port_range: Ports,
    internal_port: Ports,
    internal_port_range: Ports,
    internal_port_id: Type.Optional(Type.String({ maxLength: 255 })),
    internal_ip_address: Type.Optional(Type.String({ maxLength: 64 })),
    protocol: Type.Optional(Type.Union(protocols.map((name) => Type.Literal(name)))),
    description: Type.Optional(Description),
  },
  { additionalProperties: false },
);
const NewForwarding = Type.Object(
  {
    ...Changes.properties,
    internal_port_id: Type.String({ maxLength: 255 }),
    internal_ip_address: Type.String({ maxLength: 64 }),
    protocol: Type.Union(protocols.map((name) => Type.Literal(name))),
    project_id: Type.Optional(Type.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
);

const Text = Type.String();
const view = viewOf<PortForwarding, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  protocol: { type: Text, value: ({ protocol }) => protocol },
  internal_port_id: { type: Text, value: ({ internal_port_id }) => internal_port_id },
  internal_ip_address: { type: Text, value: ({ internal_ip_address }) => internal_ip_address },
  description: { type: Text, value: ({ description }) => description },
  external_port_range: { type: Text, value: (forwarding) => portsOf(forwarding).external_port_range },
  internal_port_range: { type: Text, value: (forwarding) => portsOf(forwarding).internal_port_range },
  external_port: {
    type: Type.Integer(),
    when: ({ external_first, external_last }) => external_first === external_last,
    value: ({ external_first }) => external_first,
  },
  internal_port: {
    type: Type.Integer(),
    when: ({ internal_first, internal_last }) => internal_first === internal_last,
    value: ({ internal_first }) => internal_first,
  },
});
const fields: ListFields = {
  ...textFields('id', 'protocol', 'internal_port_id'),
  external_port: integerField('external_first'),
};

type Verb = 'create' | 'get' | 'update' | 'delete';
const path = '/floatingips/:floatingip_id/port_forwardings';

/** @throws Fault `missing` if the floating IP does not exist for the caller */
async function floatingOf(call: Call, verb: Verb, id: string): Promise<FloatingIp> {
  const { row } = await findRow(floatingIps, call, id);
  const floating = row as FloatingIp;
  const target = { project_id: floating.project_id, 'ext_parent:project_id': floating.project_id };
  const rule = `${verb}_floatingip_port_forwarding` as const;
  if (verb === 'get' && !allows(call.request, rule, target)) throw floatingIps.missing(id);
  authorize(call.request, rule, target);
  return floating;
}

/** @throws Fault `missing` */
async function findForwarding({ context: { store } }: Call, floating: FloatingIp, id: string): Promise<PortForwarding> {
  const row = await store.port_forwardings.find({ id, floatingip_id: floating.id });
  if (!row) throw missingForwarding(id);
  return row;
}

const Reply = Type.Object({ port_forwarding: view.schema });

const createRoute = route({
  method: 'POST',
  path,
  policy: 'create_floatingip_port_forwarding',
  summary: 'Create a port forwarding',
  status: 201,
  body: Type.Object({ port_forwarding: NewForwarding }),
  reply: Reply,
  handler: (request, context) =>
    context.store.transaction(async (store) => {
      const call = { request, context: { ...context, store } };
      const floating = await floatingOf(call, 'create', request.params.floatingip_id);
      const made = await createForwarding(call.context, request.caller, { floating, request: request.body.port_forwarding });
      return { port_forwarding: view.of(request, context)(made) };
    }),
});

const updateRoute = route({
  method: 'PUT',
  path: `${path}/:id`,
  policy: 'update_floatingip_port_forwarding',
  summary: 'Change a port forwarding',
  body: Type.Object({ port_forwarding: Changes }),
  reply: Reply,
  handler: (request, context) =>
    context.store.transaction(async (store) => {
      const call = { request, context: { ...context, store } };
      const floating = await floatingOf(call, 'update', request.params.floatingip_id);
      const row = await findForwarding(call, floating, request.params.id);
      const changed = await updateForwarding(call.context, request.caller, {
        ...{ floating, row },
        request: request.body.port_forwarding,
      });
      return { port_forwarding: view.of(request, context)(changed) };
    }),
});

export const portForwardingRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'get_floatingip_port_forwarding',
    summary: 'List the port forwardings of a floating IP',
    query: listQuery(fields),
    reply: Type.Object({ port_forwardings: Type.Array(view.schema), port_forwardings_links: Type.Optional(Links) }),
    async handler(request, context) {
      const call = { request, context };
      const query = readNetworkQuery(request.query, fields);
      const { id } = await floatingOf(call, 'get', request.params.floatingip_id);
      const visible = [isEqual('floatingip_id', id)];
      const source = { collection: context.store.port_forwardings, table: listTables.port_forwardings, visible };
      const page = await listRows(source, { limit: mostForwardings, ...query });
      return listBody(call, 'port_forwardings', { ...page, items: page.items.map(view.of(request, context)) });
    },
  }),
  createRoute,
  route({
    method: 'GET',
    path: `${path}/:id`,
    policy: 'get_floatingip_port_forwarding',
    summary: 'Show a port forwarding',
    query: fieldsQuery,
    reply: Reply,
    async handler(request, context) {
      const call = { request, context };
      const floating = await floatingOf(call, 'get', request.params.floatingip_id);
      const row = await findForwarding(call, floating, request.params.id);
      const shown: Static<typeof view.schema> = view.of(request, context)(row);
      return { port_forwarding: project(shown, request.query) };
    },
  }),
  updateRoute,
  route({
    method: 'DELETE',
    path: `${path}/:id`,
    policy: 'delete_floatingip_port_forwarding',
    summary: 'Delete a port forwarding',
    status: 204,
    handler: (request, context) =>
      context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const floating = await floatingOf(call, 'delete', request.params.floatingip_id);
        await deleteForwarding(call.context, await findForwarding(call, floating, request.params.id));
      }),
  }),
];
