/** Ports: a MAC and addresses on a network, for a server's NIC. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { changesOf, createPort, deletePort, plainMac, updatePort } from '#services/network/ports.ts';
import { findNetwork, findPort, networkOf, visiblePorts } from '#services/network/visibility.ts';
import { isOneOf, nothing } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { booleanField, fixedField, itemsField, type ListFields, textField } from '../http/list.ts';
import { type Body, ById, listBody, NetworkQuery, project, readNetworkQuery, standardFields } from './list-query.ts';
import { enforce, enforceAttributes } from './policies.ts';

const FixedIp = Type.Object(
  { subnet_id: Type.Optional(Type.String({ maxLength: 255 })), ip_address: Type.Optional(Type.String({ maxLength: 255 })) },
  { additionalProperties: false },
);
const none = Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 }));
const Changes = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    description: Type.Optional(Type.String({ maxLength: 255 })),
    admin_state_up: Type.Optional(Type.Boolean()),
    fixed_ips: Type.Optional(Type.Array(FixedIp, { maxItems: 16 })),
    mac_address: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' })),
    device_id: Type.Optional(Type.String({ maxLength: 255 })),
    device_owner: Type.Optional(Type.String({ maxLength: 255 })),
    'binding:vnic_type': Type.Optional(Type.Union([Type.Literal('baremetal'), Type.Literal('normal')])),
    port_security_enabled: Type.Optional(Type.Literal(false)),
    security_groups: none,
    allowed_address_pairs: none,
    extra_dhcp_opts: none,
  },
  { additionalProperties: false },
);
const NewPort = Type.Object(
  {
    ...Changes.properties,
    network_id: Type.String({ maxLength: 255 }),
    project_id: Type.Optional(Type.String({ maxLength: 255 })),
    tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
);

export function registerPorts(app: ApiScope, context: ApiContext): void {
  app.get('/ports', { schema: { querystring: NetworkQuery } }, async (request) => {
    const { store } = context;
    const source = { collection: store.ports, table: listTables.ports, visible: visiblePorts(request.caller) };
    const page = await listRows(source, readNetworkQuery(request.query, fieldsFor(request)));
    const items = page.items.map((port) => portBody(request, port));
    return listBody(context, request, { plural: 'ports', page: { ...page, items } });
  });
  app.get('/ports/:id', { schema: { params: ById, querystring: NetworkQuery } }, async (request) => ({
    port: project(portBody(request, await findPort(context, request.caller, request.params.id)), request.query),
  }));
  app.post('/ports', { schema: { body: Type.Object({ port: NewPort }) } }, async (request, reply) => {
    const fields = request.body.port;
    const network = await findNetwork(context, request.caller, fields.network_id);
    enforcePortPolicies('create_port', request, { fields, network });
    const port = await createPort(context, request.caller, { network, request: fields });
    reply.code(201);
    return { port: portBody(request, port) };
  });
  app.put('/ports/:id', { schema: { params: ById, body: Type.Object({ port: Changes }) } }, async (request) => {
    const port = await findPort(context, request.caller, request.params.id);
    const network = await networkOf(context, port);
    enforcePortPolicies('update_port', request, { fields: changesOf(port, request.body.port), network });
    return { port: portBody(request, await updatePort(context, port.id, request.body.port)) };
  });
  app.delete('/ports/:id', { schema: { params: ById } }, async (request, reply) => {
    const port = await findPort(context, request.caller, request.params.id);
    await deletePort(context, port);
    return reply.code(204).send();
  });
}

const texts = [
  ...['id', 'name', 'network_id', 'project_id', 'device_id', 'device_owner', 'status', 'description'],
  ...['created_at', 'updated_at'],
];

const portFields: ListFields = {
  ...Object.fromEntries(texts.map((name) => [name, textField(name)])),
  ...standardFields,
  tenant_id: textField('project_id'),
  mac_address: { filter: (values) => isOneOf('mac_address', values.map(plainMac)), sort: ['mac_address'] },
  admin_state_up: booleanField('admin_state_up'),
  fixed_ips: itemsField('fixed_ips'),
  'binding:vnic_type': fixedField('baremetal'),
  port_security_enabled: fixedField(false),
  security_groups: { filter: () => nothing },
};

/** Only administrators may read a port's binding. */
const bindingFields: ListFields = {
  'binding:host_id': fixedField(''),
  'binding:vif_type': {
    filter: (types) =>
      isOneOf(
        'status',
        statuses.filter((status) => types.includes(vifTypeOf(status))),
      ),
  },
};

function fieldsFor({ caller }: FastifyRequest): ListFields {
  return caller.is_admin ? { ...portFields, ...bindingFields } : portFields;
}

const statuses = ['ACTIVE', 'DOWN'] as const;
const vifTypeOf = (status: Port['status']) => (status === 'ACTIVE' ? 'other' : 'unbound');

/** Only administrators may read a port's binding (`get_port:binding:…`). */
function bindingBody(port: Port): object {
  return {
    'binding:vif_type': vifTypeOf(port.status),
    'binding:host_id': '',
    'binding:profile': {},
    'binding:vif_details': {},
  };
}

function portBody({ caller }: FastifyRequest, port: Port): Body {
  const { owned_by_server: _, ...fields } = port;
  return {
    ...fields,
    tenant_id: port.project_id,
    'binding:vnic_type': 'baremetal',
    ...(caller.is_admin && bindingBody(port)),
    security_groups: [],
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    port_security_enabled: false,
    tags: [],
    revision_number: 1,
  };
}

type PortPolicies = { fields: Partial<Static<typeof Changes>>; network: Network };

/** `device_owner` is restricted for ports that belong to the network (`network:router_interface`, `network:dhcp`). */
function enforcePortPolicies(action: 'create_port' | 'update_port', request: FastifyRequest, policies: PortPolicies): void {
  const { device_owner, ...fields } = policies.fields;
  const isNetworkDevice = device_owner?.startsWith('network:');
  const { network } = policies;
  enforceAttributes(action, request, { fields: isNetworkDevice ? { ...fields, device_owner } : fields, network });
  if (action !== 'create_port') return;
  for (const name of ['subnet_id', 'ip_address'] as const) {
    const isNamed = fields.fixed_ips?.some((fixed) => fixed[name] !== undefined);
    if (isNamed) enforce(`create_port:fixed_ips:${name}`, request, network);
  }
}
