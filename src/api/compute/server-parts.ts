/** Parts of a server: addresses, interfaces; and parts that exist in other clouds, which are empty here. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { addressesOf, loadRelated, portsOf } from '#services/compute/related.ts';
import { groupDetails } from '#services/compute/security-groups.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import type { Method, Row } from '../http/route.ts';
import type { VersionSpan } from '../http/versioned.ts';
import { viewOf } from '../http/view.ts';
import { type computePolicy, route, unsupportedRoute } from './policy.ts';
import { type ServerRequest, serverOf } from './server-of.ts';
import { Addresses } from './server-view.ts';

type Rule = keyof typeof computePolicy.rules;

const interfaceView = viewOf<Port>()({
  port_id: { type: Type.String(), value: ({ id }) => id },
  net_id: { type: Type.String(), value: ({ network_id }) => network_id },
  mac_addr: { type: Type.String(), value: ({ mac_address }) => mac_address },
  port_state: { type: Type.String(), value: ({ status }) => status },
  fixed_ips: {
    type: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
    value: ({ fixed_ips }) => fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
  },
  // Interfaces have no tags here.
  tag: { since: 70, type: Type.Null(), value: () => null },
});

const shownParts = [
  route({
    method: 'GET',
    path: '/servers/:id/ips',
    policy: 'os_compute_api:ips:index',
    summary: 'List the addresses of a server',
    reply: Type.Object({ addresses: Addresses }),
    handler: async (request, context) => ({
      addresses: await bareAddresses(context, await serverOf(request, context)),
    }),
  }),
  route({
    method: 'GET',
    path: '/servers/:id/ips/:label',
    policy: 'os_compute_api:ips:show',
    summary: 'List the addresses of a server on one network',
    reply: Addresses,
    async handler(request, context) {
      const { label } = request.params;
      const addresses = await bareAddresses(context, await serverOf(request, context));
      const found = Object.hasOwn(addresses, label) ? addresses[label] : undefined;
      if (!found) throw new Fault('notFound', { what: 'Network', id: label });
      return { [label]: found };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-interface',
    policy: 'os_compute_api:os-attach-interfaces:list',
    summary: 'List the interfaces of a server',
    reply: Type.Object({ interfaceAttachments: Type.Array(interfaceView.schema) }),
    async handler(request, context) {
      const server = await serverOf(request, context);
      const ports = portsOf(server, await loadRelated(context.store, [server]));
      return { interfaceAttachments: ports.map(interfaceView.of(request, context)) };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-interface/:port_id',
    policy: 'os_compute_api:os-attach-interfaces:show',
    summary: 'Show an interface of a server',
    reply: Type.Object({ interfaceAttachment: interfaceView.schema }),
    async handler(request, context) {
      const { port_id } = request.params;
      const server = await serverOf(request, context);
      const port = portsOf(server, await loadRelated(context.store, [server])).find((each) => each.id === port_id);
      if (!port) throw new Fault('notFound', { what: 'Interface', id: port_id });
      return { interfaceAttachment: interfaceView.of(request, context)(port) };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-security-groups',
    policy: 'os_compute_api:os-security-groups:list',
    summary: 'List the security groups of a server, which filter nothing',
    reply: Type.Object({ security_groups: Type.Array(Type.Unknown()) }),
    handler: async (request, context) => ({
      security_groups: await groupDetails(context, await serverOf(request, context)),
    }),
  }),
];

/** Filled by hypervisors and guest agents in Nova; a bare metal server has neither. */
const guestParts = [
  route({
    method: 'GET',
    path: '/servers/:id/topology',
    policy: 'compute:server:topology:index',
    since: 78,
    summary: 'Show the NUMA topology of a server: always empty',
    reply: Type.Object({ nodes: Type.Array(Type.Unknown()), pagesize_kb: Type.Null() }),
    async handler(request, context) {
      await serverOf(request, context);
      return { nodes: [], pagesize_kb: null };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:id/os-server-password',
    policy: 'os_compute_api:os-server-password:show',
    summary: 'Show the administrator password that the guest has reported: always empty',
    reply: Type.Object({ password: Type.String() }),
    async handler(request, context) {
      await serverOf(request, context);
      return { password: '' };
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:id/os-server-password',
    policy: 'os_compute_api:os-server-password:clear',
    summary: 'Delete the administrator password that the guest has reported',
    status: 204,
    handler: async (request, context) => void (await serverOf(request, context)),
  }),
];

/** Lists that are always empty. */
const emptyParts = (
  [
    { part: 'os-volume_attachments', field: 'volumeAttachments', policy: 'os_compute_api:os-volumes-attachments:index' },
    { part: 'migrations', field: 'migrations', policy: 'os_compute_api:servers:migrations:index', since: 23 },
  ] as const
).map(({ part, field, ...row }) =>
  route({
    ...row,
    method: 'GET',
    path: `/servers/:id/${part}`,
    summary: `Empty: servers have no ${field}`,
    reply: Type.Record(Type.String(), Type.Array(Type.Unknown())),
    async handler(request, context) {
      await serverOf(request as ServerRequest, context);
      return { [field]: [] };
    },
  }),
);

type UnsupportedPart = VersionSpan & { method: Method; part: string; policy: Rule; what: string };

const unsupportedTable: readonly UnsupportedPart[] = [
  {
    method: 'POST',
    part: 'os-interface',
    policy: 'os_compute_api:os-attach-interfaces:create',
    what: 'Adding an interface to a running server',
  },
  {
    method: 'DELETE',
    part: 'os-interface/:port_id',
    policy: 'os_compute_api:os-attach-interfaces:delete',
    what: 'Removing an interface from a running server',
  },
  {
    method: 'POST',
    part: 'os-volume_attachments',
    policy: 'os_compute_api:os-volumes-attachments:create',
    what: 'Attaching volumes',
  },
  {
    method: 'DELETE',
    part: 'os-volume_attachments/:volume_id',
    policy: 'os_compute_api:os-volumes-attachments:delete',
    what: 'Detaching volumes',
  },
  {
    method: 'GET',
    part: 'diagnostics',
    policy: 'os_compute_api:os-server-diagnostics',
    what: 'Reading the diagnostics of a server',
  },
];

export const serverPartRoutes: readonly Row[] = [
  ...shownParts,
  ...guestParts,
  ...emptyParts,
  ...unsupportedTable.map(({ part, ...row }) =>
    unsupportedRoute({
      ...row,
      path: `/servers/:id/${part}`,
      before: (request, context) => serverOf(request as ServerRequest, context),
    }),
  ),
];

/** The short form of the address routes: version and address only. */
async function bareAddresses(context: ApiContext, server: Server): Promise<Static<typeof Addresses>> {
  const addresses = addressesOf(server, await loadRelated(context.store, [server]));
  return Object.fromEntries([...addresses].map(([label, list]) => [label, list.map(({ version, addr }) => ({ version, addr }))]));
}
