/** `/ports`: a MAC and addresses on a network, for a server's NIC. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainMac } from '#services/network/macs.ts';
import { changesOf, createPort, deletePort, updatePort } from '#services/network/ports.ts';
import { policiesOfNetworks } from '#services/network/qos-policies.ts';
import { longestTag } from '#services/network/tags.ts';
import { trunkDetails } from '#services/network/trunks.ts';
import { findNetwork, visiblePorts } from '#services/network/visibility.ts';
import { allOf, anyOf, type Condition, contains, hasItem, isAmong, isEqual, isNot, isOneOf } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { Port } from '#store/tables/ports.ts';
import { booleanField, fixedField, type ListFields, textField, textFields } from '../http/list.ts';
import { Nullable } from '../http/schemas.ts';
import { taggedFields } from './list-query.ts';
import { allows, targetIn } from './policy.ts';
import { Profile, VnicType } from './port-schemas.ts';
import { portView } from './port-view.ts';
import { networksOfAll, resourceOf, resourceRoutes } from './resource.ts';
import { Description, DnsName, Name, Owner, QosPolicyId } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const FixedIp = Type.Object(
  { subnet_id: Type.Optional(Type.String({ maxLength: 255 })), ip_address: Type.Optional(Type.String({ maxLength: 255 })) },
  { additionalProperties: false },
);
const Mac = Type.String({ pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' });
const DhcpOption = Type.Object(
  {
    opt_name: Type.String({ maxLength: 64, pattern: '^(?=.*\\S)[^\\r\\n]*$' }),
    opt_value: Nullable(Type.String({ maxLength: 255, pattern: '^[^\\r\\n]*$' })),
    ip_version: Type.Optional(Type.Union([Type.Literal(4), Type.Literal(6)])),
  },
  { additionalProperties: false },
);
const AddressPair = Type.Object(
  { ip_address: Type.Optional(Type.String({ maxLength: 64 })), mac_address: Type.Optional(Mac) },
  { additionalProperties: false },
);
const NumaPolicy = Type.Union(['required', 'preferred', 'legacy', 'socket'].map((value) => Type.Literal(value)));
const DataPlaneStatus = Type.Union(['ACTIVE', 'DOWN'].map((value) => Type.Literal(value)));
const common = {
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  admin_state_up: Type.Optional(Type.Boolean()),
  fixed_ips: Type.Optional(Type.Array(FixedIp, { maxItems: 16 })),
  mac_address: Type.Optional(Mac),
  device_id: Type.Optional(Type.String({ maxLength: 255 })),
  device_owner: Type.Optional(Type.String({ maxLength: 255 })),
  'binding:host_id': Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  'binding:profile': Type.Optional(Nullable(Profile)),
  'binding:vnic_type': Type.Optional(VnicType),
  port_security_enabled: Type.Optional(Type.Boolean()),
  security_groups: Type.Optional(Type.Array(Type.String({ maxLength: 36 }), { maxItems: 64, uniqueItems: true })),
  allowed_address_pairs: Type.Optional(Type.Array(AddressPair, { maxItems: 1000 })),
  extra_dhcp_opts: Type.Optional(Type.Array(DhcpOption, { maxItems: 100 })),
  propagate_uplink_status: Type.Optional(Type.Boolean()),
  numa_affinity_policy: Type.Optional(Nullable(NumaPolicy)),
  qos_policy_id: QosPolicyId,
  dns_name: DnsName,
};
/** The status can only be changed. */
const Changes = Type.Object({ ...common, data_plane_status: Type.Optional(DataPlaneStatus) }, { additionalProperties: false });
const Tags = Type.Array(Type.String({ maxLength: longestTag }), { maxItems: 1000, uniqueItems: true });
const NewPort = Type.Object(
  { ...common, ...Owner, network_id: Type.String({ maxLength: 255 }), tags: Type.Optional(Tags) },
  { additionalProperties: false },
);

/** The column of the table of addresses, and how it is compared. */
const addressFilterTable: Readonly<Record<string, (text: string) => Condition>> = {
  ip_address: (text) => isEqual('ip_address', text),
  ip_address_substr: (text) => contains('ip_address', text),
  subnet_id: (text) => isEqual('subnet_id', text),
};

/**
 * `fixed_ips=subnet_id=…&fixed_ips=ip_address=…`: of each kind, a port has one of the values; other kinds do not count
 * (neutron/db/db_base_plugin_v2.py).
 */
function addressesOf(values: readonly string[]): Condition {
  const odd = values.find((value) => !value.includes('='));
  if (odd !== undefined) throw new Fault('invalidInput', { detail: `'${odd}' is not of the form <key>=[value].` });
  const byKind = Map.groupBy(values, (value) => value.split('=', 1)[0] ?? '');
  const conditions = [...byKind].flatMap(([kind, group]) => {
    const filter = Object.hasOwn(addressFilterTable, kind) ? addressFilterTable[kind] : undefined;
    if (!filter) return [];
    const where = [anyOf(...group.map((value) => filter(value.slice(kind.length + 1))))];
    return isAmong('id', { table: 'ip_allocations', select: 'port_id', where });
  });
  return allOf(...conditions);
}

const portFields: ListFields = {
  ...taggedFields,
  ...textFields('network_id', 'device_id', 'device_owner', 'status'),
  mac_address: { filter: (values) => isOneOf('mac_address', values.map(plainMac)), sort: ['mac_address'] },
  admin_state_up: booleanField('admin_state_up'),
  fixed_ips: { filter: addressesOf },
  'binding:vnic_type': fixedField('baremetal'),
  ip_allocation: fixedField('immediate'),
  port_security_enabled: booleanField('port_security_enabled'),
  security_groups: { filter: (ids) => hasItem('security_groups', ids) },
};

const bound = anyOf(isEqual('status', 'ACTIVE'), isNot(isEqual('binding_host_id', '')));
const byVifType: Readonly<Record<string, Condition>> = { other: bound, unbound: isNot(bound) };
/** Filters for those who may see the field. */
const bindingFields: ListFields = {
  'binding:host_id': textField('binding_host_id'),
  'binding:vif_type': {
    filter: (types) => anyOf(...types.flatMap((type) => (Object.hasOwn(byVifType, type) ? (byVifType[type] ?? []) : []))),
  },
};
const allFields = { ...portFields, ...bindingFields };

export const ports = resourceOf<Port, Static<typeof NewPort>, Static<typeof Changes>>()({
  noun: 'port',
  plural: 'ports',
  path: 'ports',
  title: 'a port',
  collection: (store) => store.ports,
  table: listTables.ports,
  visible: visiblePorts,
  missing: (id) => new Fault('notFound', { what: 'Port', id }),
  fields: allFields,
  fieldsFor: (request) => (allows(request, 'get_port:binding:host_id') ? allFields : portFields),
  view: portView,
  async items({ context: { store } }, rows) {
    const details = await trunkDetails(store, rows);
    const policies = await policiesOfNetworks(store, rows);
    return rows.map((port) => ({
      ...port,
      trunk_details: details.get(port.id),
      qos_network_policy_id: policies.get(port.network_id) ?? null,
    }));
  },
  async targets(call, rows) {
    const networks = await networksOfAll(call, rows);
    return rows.map((port) => targetIn(networks.get(port.network_id), port));
  },
  create: {
    body: NewPort,
    async target({ request, context }, fields) {
      const network = await findNetwork(context, request.caller, fields.network_id);
      return targetIn(network, { ...fields, project_id: request.caller.project_id });
    },
    async run({ request, context }, fields) {
      const network = await findNetwork(context, request.caller, fields.network_id);
      return createPort(context, request.caller, { network, request: fields });
    },
  },
  update: {
    body: Changes,
    changes: changesOf,
    run: ({ request, context }, { id }, fields) => updatePort(context, request.caller, { id, request: fields }),
  },
  remove: ({ context }, port) => deletePort(context, port),
});

export const portRoutes = [...resourceRoutes(ports), ...tagRoutes(ports)];
