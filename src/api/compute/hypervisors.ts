/** `/os-hypervisors`: every node as a hypervisor that holds at most one server. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { hostName, serviceUuid } from '#services/compute/host.ts';
import {
  amountsOf,
  findHypervisor,
  hypervisorStatistics,
  readHypervisors,
  searchHypervisors,
  serversOn,
} from '#services/compute/hypervisors.ts';
import type { HypervisorRow } from '#store/tables/nodes.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { Links, pageQuery } from '../http/schemas.ts';
import { since } from '../http/versioned.ts';
import { type View, viewOf } from '../http/view.ts';
import { route, unsupportedRoute } from './policy.ts';

/** From this minor version on ids are UUIDs, and servers are shown to those who ask. */
const uuidsSince = 53;
/** The last minor version with a machine's amounts. */
const amountsUntil = 87;

const with_servers = since(uuidsSince, Type.Optional(Type.Boolean()));
const ListQuery = Type.Object({
  ...pageQuery,
  hypervisor_hostname_pattern: since(uuidsSince, Type.Optional(Type.String())),
  with_servers,
});
const ShowQuery = Type.Object({ with_servers });

/** Servers on the nodes of the reply, by id; absent: the request does not ask for them. */
type Item = { readonly node: HypervisorRow; readonly servers?: ReadonlySet<string> | undefined };

const Servers = Type.Array(Type.Object({ uuid: Type.String(), name: Type.String() }));
const serversOf = ({ node: { instance_uuid: id }, servers }: Item) =>
  id !== null && servers?.has(id) ? [{ uuid: id, name: id }] : [];

const brief = {
  number: { name: 'id', until: uuidsSince - 1, type: Type.Integer(), value: ({ node }: Item) => node.id },
  id: { since: uuidsSince, type: Type.String(), value: ({ node }: Item) => node.uuid },
  hypervisor_hostname: { type: Type.String(), value: ({ node }: Item) => node.uuid },
  state: { type: Type.String(), value: () => 'up' },
  status: { type: Type.String(), value: ({ node }: Item) => (node.maintenance ? 'disabled' : 'enabled') },
  // Up to 2.74 a hypervisor without servers has no field of them.
  used_servers: {
    name: 'servers',
    since: uuidsSince,
    until: 74,
    type: Servers,
    when: (item: Item) => serversOf(item).length > 0,
    value: serversOf,
  },
  servers: { since: 75, type: Servers, when: ({ servers }: Item) => servers !== undefined, value: serversOf },
} as const;

type Amount = keyof ReturnType<typeof amountsOf>;
const amount = (name: Amount) => ({
  until: amountsUntil,
  type: Type.Integer(),
  value: ({ node }: Item) => amountsOf(node)[name],
});

const briefView = viewOf<Item>()(brief);
const detailView = viewOf<Item>()({
  ...brief,
  host_ip: { type: Type.String(), value: () => '127.0.0.1' },
  hypervisor_type: { type: Type.String(), value: () => 'baremetal' },
  hypervisor_version: { type: Type.Integer(), value: () => 1 },
  numbered_service: { name: 'service', until: uuidsSince - 1, type: Type.Unknown(), value: (item) => serviceOf(item, 1) },
  service: { since: uuidsSince, type: Type.Unknown(), value: (item) => serviceOf(item, serviceUuid) },
  // Nova's is null here, at which `openstack hypervisor show` (openstackclient 6.0) fails: it expects text.
  uptime: { since: amountsUntil + 1, type: Type.String(), value: () => '' },
  cpu_info_text: { name: 'cpu_info', until: 27, type: Type.String(), value: () => '' },
  cpu_info: { since: 28, until: amountsUntil, type: Type.Object({}), value: () => ({}) },
  vcpus: amount('vcpus'),
  memory_mb: amount('memory_mb'),
  local_gb: amount('local_gb'),
  vcpus_used: amount('vcpus_used'),
  memory_mb_used: amount('memory_mb_used'),
  local_gb_used: amount('local_gb_used'),
  free_ram_mb: amount('free_ram_mb'),
  free_disk_gb: amount('free_disk_gb'),
  disk_available_least: amount('disk_available_least'),
  running_vms: amount('running_vms'),
  current_workload: amount('current_workload'),
});

function serviceOf({ node }: Item, id: number | string) {
  return { host: hostName, id, disabled_reason: node.maintenance_reason };
}

function byUuid({ microversion }: FastifyRequest): boolean {
  return atLeast(microversion, uuidsSince);
}

type ListRow = {
  path: '/os-hypervisors' | '/os-hypervisors/detail';
  policy: 'os_compute_api:os-hypervisors:list' | 'os_compute_api:os-hypervisors:list-detail';
  summary: string;
};

const hypervisorList = <Shown>(row: ListRow, view: View<Item, Shown>) =>
  route({
    method: 'GET',
    ...row,
    query: ListQuery,
    reply: Type.Object({ hypervisors: Type.Array(view.schema), hypervisors_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { hypervisor_hostname_pattern: pattern = '', limit, marker, with_servers: withServers = false } = request.query;
      const page = await readHypervisors(context, { pattern, byUuid: byUuid(request), limit, marker });
      const links = nextLinks(context, request, page.next);
      const show = view.of(request, context);
      const servers = withServers ? await serversOn(context, page.items) : undefined;
      const hypervisors = page.items.map((node) => show({ node, servers }));
      return { hypervisors, ...(links.length > 0 && { hypervisors_links: links }) };
    },
  });

export const hypervisorRoutes = [
  hypervisorList(
    { path: '/os-hypervisors', policy: 'os_compute_api:os-hypervisors:list', summary: 'List nodes as hypervisors' },
    briefView,
  ),
  hypervisorList(
    {
      path: '/os-hypervisors/detail',
      policy: 'os_compute_api:os-hypervisors:list-detail',
      summary: 'List nodes as hypervisors with details',
    },
    detailView,
  ),
  route({
    method: 'GET',
    path: '/os-hypervisors/statistics',
    policy: 'os_compute_api:os-hypervisors:statistics',
    until: amountsUntil,
    summary: 'Show the sums of all hypervisors',
    reply: Type.Object({ hypervisor_statistics: Type.Record(Type.String(), Type.Integer()) }),
    handler: async (_, context) => ({ hypervisor_statistics: await hypervisorStatistics(context) }),
  }),
  route({
    method: 'GET',
    path: '/os-hypervisors/:id',
    policy: 'os_compute_api:os-hypervisors:show',
    summary: 'Show a node as a hypervisor',
    query: ShowQuery,
    reply: Type.Object({ hypervisor: detailView.schema }),
    async handler(request, context) {
      const node = await findHypervisor(context, request.params.id);
      const servers = request.query.with_servers ? await serversOn(context, [node]) : undefined;
      return { hypervisor: detailView.of(request, context)({ node, servers }) };
    },
  }),
  unsupportedRoute({
    method: 'GET',
    path: '/os-hypervisors/:id/uptime',
    policy: 'os_compute_api:os-hypervisors:uptime',
    until: amountsUntil,
    what: 'The uptime of a machine',
    before: (request, context) => findHypervisor(context, request.params.id),
  }),
  // Later versions have the query parameter `hypervisor_hostname_pattern`.
  route({
    method: 'GET',
    path: '/os-hypervisors/:id/search',
    policy: 'os_compute_api:os-hypervisors:search',
    until: uuidsSince - 1,
    summary: 'Search hypervisors by a part of their name',
    reply: Type.Object({ hypervisors: Type.Array(briefView.schema) }),
    async handler(request, context) {
      const show = briefView.of(request, context);
      const nodes = await searchHypervisors(context, request.params.id);
      return { hypervisors: nodes.map((node) => show({ node })) };
    },
  }),
];
