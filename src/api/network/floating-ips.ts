/** `/floatingips`: addresses of external networks for addresses of internal ones. */
import { type Static, Type } from 'typebox';
import { createFloatingIp, deleteFloatingIp, missingFloatingIp, updateFloatingIp } from '#services/network/floating-ips.ts';
import { policiesOfNetworks } from '#services/network/qos-policies.ts';
import { visibleOfProject } from '#services/network/routers.ts';
import { listTables } from '#store/list-tables.ts';
import type { FloatingIp, PortForwarding } from '#store/tables/floating-ips.ts';
import type { Port } from '#store/tables/ports.ts';
import { type ListFields, nullableField, textFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { taggedFields } from './list-query.ts';
import type { NetworkRule } from './policy.ts';
import { resourceOf, resourceRoutes } from './resource.ts';
import { Description, DnsName, Owner, QosPolicyId, revisedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const Text = Type.String();
const Id = Type.String({ maxLength: 255 });
const Address = Type.String({ maxLength: 64 });
const Changes = Type.Object(
  { description: Type.Optional(Description), port_id: Maybe(Id), fixed_ip_address: Maybe(Address), qos_policy_id: QosPolicyId },
  { additionalProperties: false },
);
const NewFloatingIp = Type.Object(
  {
    ...Changes.properties,
    ...Owner,
    floating_network_id: Id,
    floating_ip_address: Maybe(Address),
    subnet_id: Maybe(Id),
    dns_name: DnsName,
    dns_domain: DnsName,
  },
  { additionalProperties: false },
);

type Item = {
  readonly floating: FloatingIp;
  readonly policy: string | null;
  readonly port: Port | undefined;
  readonly forwardings: readonly PortForwarding[];
};

/** What is shown of a port forwarding with its floating IP. */
const Forwarding = Type.Object({
  ...{ id: Text, protocol: Text, internal_port_id: Text, internal_ip_address: Text },
  ...{ external_port_range: Text, internal_port_range: Text },
  external_port: Type.Optional(Type.Integer()),
  internal_port: Type.Optional(Type.Integer()),
});
const portDetails = ['name', 'network_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner'] as const;

const floatingView = viewOf<Item, NetworkRule>()({
  ...revisedView(({ floating }: Item) => floating),
  tags: { type: Type.Array(Text), value: ({ floating }) => floating.tags },
  floating_network_id: { type: Text, value: ({ floating }) => floating.floating_network_id },
  floating_ip_address: { type: Text, value: ({ floating }) => floating.floating_ip_address },
  fixed_ip_address: { type: Nullable(Text), value: ({ floating }) => floating.fixed_ip_address },
  port_id: { type: Nullable(Text), value: ({ floating }) => floating.fixed_port_id },
  router_id: { type: Nullable(Text), value: ({ floating }) => floating.router_id },
  status: { type: Text, value: ({ floating }) => floating.status },
  dns_name: { type: Text, value: ({ floating }) => floating.dns_name },
  dns_domain: { type: Text, value: ({ floating }) => floating.dns_domain },
  qos_policy_id: { type: Nullable(Text), value: ({ floating }) => floating.qos_policy_id },
  qos_network_policy_id: { type: Nullable(Text), value: ({ policy }) => policy },
  port_details: {
    type: Nullable(Type.Object({})),
    value: ({ port }) => (port ? Object.fromEntries(portDetails.map((name) => [name, port[name]])) : null),
  },
  port_forwardings: { type: Type.Array(Forwarding), value: ({ forwardings }) => forwardings.map(portsOf) },
});

/** Single ports are shown beside the ranges. */
export function portsOf(forwarding: PortForwarding): Static<typeof Forwarding> {
  const { id, protocol, internal_port_id, internal_ip_address } = forwarding;
  const { external_first, external_last, internal_first, internal_last } = forwarding;
  return {
    ...{ id, protocol, internal_port_id, internal_ip_address },
    external_port_range: `${external_first}:${external_last}`,
    internal_port_range: `${internal_first}:${internal_last}`,
    ...(external_first === external_last && { external_port: external_first }),
    ...(internal_first === internal_last && { internal_port: internal_first }),
  };
}

const { name: _, ...unnamedFields } = taggedFields;
const floatingFields: ListFields = {
  ...unnamedFields,
  ...textFields('floating_network_id', 'floating_ip_address', 'status'),
  fixed_ip_address: nullableField('fixed_ip_address'),
  port_id: nullableField('fixed_port_id'),
  router_id: nullableField('router_id'),
};

export const floatingIps = resourceOf<FloatingIp, Static<typeof NewFloatingIp>, Static<typeof Changes>>()({
  noun: 'floatingip',
  plural: 'floatingips',
  path: 'floatingips',
  title: 'a floating IP',
  collection: (store) => store.floating_ips,
  table: listTables.floating_ips,
  visible: visibleOfProject,
  missing: missingFloatingIp,
  fields: floatingFields,
  view: floatingView,
  async items({ context: { store } }, rows) {
    const policies = await policiesOfNetworks(
      store,
      rows.map(({ floating_network_id }) => ({ network_id: floating_network_id })),
    );
    const ports = await store.ports.list({ id: rows.flatMap(({ fixed_port_id }) => fixed_port_id ?? []) });
    const forwardings = await store.port_forwardings.list({ floatingip_id: rows.map(({ id }) => id) }, { orderBy: 'created_at' });
    const [port, byFloating] = [
      new Map(ports.map((each) => [each.id, each])),
      Map.groupBy(forwardings, ({ floatingip_id }) => floatingip_id),
    ];
    return rows.map((floating) => ({
      floating,
      policy: policies.get(floating.floating_network_id) ?? null,
      port: port.get(floating.fixed_port_id ?? ''),
      forwardings: byFloating.get(floating.id) ?? [],
    }));
  },
  create: {
    body: NewFloatingIp,
    defaults: { floating_ip_address: null },
    run: ({ request, context }, fields) => createFloatingIp(context, request.caller, fields),
  },
  update: {
    body: Changes,
    run: ({ request, context }, row, fields) => updateFloatingIp(context, request.caller, { row, request: fields }),
  },
  remove: ({ context }, floating) => deleteFloatingIp(context, floating),
});

export const floatingIpRoutes = [...resourceRoutes(floatingIps), ...tagRoutes(floatingIps)];
