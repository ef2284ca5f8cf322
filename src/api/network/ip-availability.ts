/** `/network-ip-availabilities`: how many addresses of networks are in use. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { availabilityOf, type NetworkAvailability } from '#services/network/ip-availability.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import { type ListFields, textField } from '../http/list.ts';
import { Links } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery } from './list-query.ts';
import { allows, type NetworkRule, route } from './policy.ts';

const Text = Type.String();
/** Whole numbers; those of IPv6 are larger than integers of JavaScript. */
const Count = Type.Number();
const Subnet = Type.Object({
  subnet_id: Text,
  subnet_name: Text,
  cidr: Text,
  ip_version: Type.Integer(),
  used_ips: Count,
  total_ips: Count,
});
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

const view = viewOf<NetworkAvailability, NetworkRule>()({
  network_id: { type: Text, value: ({ network }) => network.id },
  network_name: { type: Text, value: ({ network }) => network.name },
  project_id: { type: Text, value: ({ network }) => network.project_id },
  tenant_id: { type: Text, value: ({ network }) => network.project_id },
  used_ips: { type: Count, value: ({ subnets }) => sum(subnets.map(({ used_ips }) => used_ips)) },
  total_ips: { type: Count, value: ({ subnets }) => sum(subnets.map(({ total_ips }) => total_ips)) },
  subnet_ip_availability: {
    type: Type.Array(Subnet),
    value: ({ subnets }) =>
      subnets.map(({ subnet: { id, name, cidr, ip_version }, used_ips, total_ips }) => ({
        ...{ subnet_id: id, subnet_name: name, cidr, ip_version, used_ips, total_ips },
      })),
  },
});
const plural = 'network_ip_availabilities';

const fields: ListFields = {
  network_id: textField('id'),
  network_name: textField('name'),
  project_id: textField('project_id'),
  tenant_id: textField('project_id'),
};

export const ipAvailabilityRoutes = [
  route({
    method: 'GET',
    path: '/network-ip-availabilities',
    policy: 'get_network_ip_availability',
    denied: 'nothing',
    summary: 'List how many addresses of networks are in use',
    query: Type.Object({ ...listQuery(fields).properties, ip_version: Type.Optional(Type.Any()) }),
    reply: Type.Object({ [plural]: Type.Array(view.schema), [`${plural}_links`]: Type.Optional(Links) }),
    async handler(request, context) {
      const { ip_version, ...query } = request.query as { ip_version?: string | string[] };
      const parsed = readNetworkQuery(query, fields);
      if (!allows(request, 'get_network_ip_availability')) return { [plural]: [] };
      const source = { collection: context.store.networks, table: listTables.networks, visible: [] };
      const page = await listRows(source, parsed);
      const versions = ip_version === undefined ? undefined : [ip_version].flat().map(Number);
      const rows = await availabilityOf(context, page.items, versions);
      const items = rows.map((row) => ({ ...view.of(request, context)(row), id: row.network.id }));
      const body = listBody({ request, context }, plural, { ...page, items });
      return { ...body, [plural]: body[plural].map(({ id: _, ...item }) => item) };
    },
  }),
  route({
    method: 'GET',
    path: '/network-ip-availabilities/:id',
    policy: 'get_network_ip_availability',
    denied: 'nothing',
    summary: 'Show how many addresses of a network are in use',
    query: fieldsQuery,
    reply: Type.Object({ network_ip_availability: view.schema }),
    async handler(request, context) {
      const { id } = request.params;
      const isShown = allows(request, 'get_network_ip_availability');
      const network = isShown ? await context.store.networks.find({ id }) : undefined;
      if (!network) throw new Fault('notFound', { what: 'Network', id });
      const [row] = await availabilityOf(context, [network]);
      const shown = view.of(request, context)(row as NetworkAvailability);
      return { network_ip_availability: project(shown, request.query) };
    },
  }),
];
