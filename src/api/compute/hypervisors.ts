/** `/os-hypervisors`: every node as a hypervisor that holds at most one server. For administrators. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { HypervisorRow, HypervisorSums, Node } from '#store/tables/nodes.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextLinks, type PageSource, readPage } from '../http/pagination.ts';
import { hostName } from './server-json.ts';
import { serviceId } from './services.ts';

const HypervisorQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  hypervisor_hostname_pattern: Type.Optional(Type.String()),
  with_servers: Type.Optional(Type.Boolean()),
});
const ShowQuery = Type.Object({ with_servers: Type.Optional(Type.Boolean()) });
const IdParams = Type.Object({ id: Type.String() });

export function registerHypervisors(app: ApiScope, context: ApiContext): void {
  const listReply = async (request: FastifyRequest, isDetailed: boolean) => {
    requireAdmin(request, 'os_compute_api:os-hypervisors:list');
    const { hypervisor_hostname_pattern: pattern = '', limit, marker } = request.query as Static<typeof HypervisorQuery>;
    const { store } = context;
    const source: PageSource<HypervisorRow, Node> = {
      find: (id) => store.nodes.find(atLeast(request.microversion, 53) ? { uuid: id } : { id: Number(id) || 0 }),
      list: (page) => store.nodes.listHypervisors(pattern, page),
    };
    const page = await readPage(source, { limit, marker, idOf: (node) => String(idOf(node, request.microversion)) });
    const links = nextLinks(context, request, page.next);
    const view = { version: request.microversion, withServers: withServers(request) };
    const hypervisors = page.items.map((node) => (isDetailed ? detailJson : briefJson)(node, view));
    return { hypervisors, ...(links.length > 0 && { hypervisors_links: links }) };
  };
  app.get('/os-hypervisors', { schema: { querystring: HypervisorQuery } }, (request) => listReply(request, false));
  app.get('/os-hypervisors/detail', { schema: { querystring: HypervisorQuery } }, (request) => listReply(request, true));

  app.get('/os-hypervisors/statistics', async (request) => {
    requireAdmin(request, 'os_compute_api:os-hypervisors:statistics');
    return { hypervisor_statistics: statisticsOf(await context.store.nodes.sumHypervisors()) };
  });

  app.get('/os-hypervisors/:id', { schema: { params: IdParams, querystring: ShowQuery } }, async (request) => {
    const node = await findHypervisor(context, request, request.params.id);
    return { hypervisor: detailJson(node, { version: request.microversion, withServers: withServers(request) }) };
  });
  app.get('/os-hypervisors/:id/uptime', { schema: { params: IdParams } }, async (request) => {
    await findHypervisor(context, request, request.params.id);
    throw new Fault('unsupported', { what: 'The uptime of a machine' });
  });
  app.get('/os-hypervisors/:id/search', { schema: { params: IdParams } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-hypervisors:search');
    const nodes = await context.store.nodes.listHypervisors(request.params.id, {});
    if (nodes.length === 0) throw new Fault('notFound', { what: 'Hypervisor', id: request.params.id });
    return { hypervisors: nodes.map((node) => briefJson(node, { version: request.microversion, withServers: false })) };
  });
}

async function findHypervisor({ store }: ApiContext, request: FastifyRequest, id: string): Promise<Node> {
  requireAdmin(request, 'os_compute_api:os-hypervisors:show');
  const node = await store.nodes.find(/^\d+$/.test(id) ? { id: Number(id) } : { uuid: id });
  if (!node) throw new Fault('notFound', { what: 'Hypervisor', id });
  return node;
}

function idOf(node: HypervisorRow, version: Microversion): number | string {
  return atLeast(version, 53) ? node.uuid : node.id;
}

type HypervisorView = { version: Microversion; withServers: boolean };

function withServers({ microversion, query }: FastifyRequest): boolean {
  return atLeast(microversion, 53) && (query as { with_servers?: boolean }).with_servers === true;
}

function briefJson(node: HypervisorRow, view: HypervisorView) {
  const status = node.maintenance ? 'disabled' : 'enabled';
  return { id: idOf(node, view.version), hypervisor_hostname: node.uuid, state: 'up', status, ...serversOf(node, view) };
}

/** Only when asked for; until 2.74 a hypervisor without servers has no field of them. */
function serversOf({ instance_uuid }: HypervisorRow, { version, withServers }: HypervisorView) {
  if (!withServers) return {};
  if (instance_uuid !== null) return { servers: [{ uuid: instance_uuid, name: instance_uuid }] };
  return atLeast(version, 75) ? { servers: [] } : {};
}

function detailJson(node: HypervisorRow, view: HypervisorView) {
  const { version } = view;
  return {
    ...briefJson(node, view),
    host_ip: '127.0.0.1',
    hypervisor_type: 'baremetal',
    hypervisor_version: 1,
    service: { host: hostName, id: serviceId(version), disabled_reason: node.maintenance_reason },
    ...(atLeast(version, 88) ? { uptime: null } : { cpu_info: atLeast(version, 28) ? {} : '', ...amountsOf(node) }),
  };
}

/** A machine is either entirely used or free. */
function amountsOf(node: HypervisorRow) {
  const amount = (property: string) => Number(node.properties[property] ?? 0) || 0;
  const isUsed = node.instance_uuid !== null;
  const [vcpus, memory_mb, local_gb] = [amount('cpus'), amount('memory_mb'), amount('local_gb')];
  return {
    vcpus,
    memory_mb,
    local_gb,
    vcpus_used: isUsed ? vcpus : 0,
    memory_mb_used: isUsed ? memory_mb : 0,
    local_gb_used: isUsed ? local_gb : 0,
    free_ram_mb: isUsed ? 0 : memory_mb,
    free_disk_gb: isUsed ? 0 : local_gb,
    disk_available_least: isUsed ? 0 : local_gb,
    running_vms: isUsed ? 1 : 0,
    current_workload: node.operation_id === null ? 0 : 1,
  };
}

function statisticsOf({ count, workload, all, used }: HypervisorSums): Record<string, number> {
  const free_disk_gb = all.local_gb - used.local_gb;
  return {
    ...{ count, vcpus: all.cpus, memory_mb: all.memory_mb, local_gb: all.local_gb },
    ...{ vcpus_used: used.cpus, memory_mb_used: used.memory_mb, local_gb_used: used.local_gb },
    ...{ free_ram_mb: all.memory_mb - used.memory_mb, free_disk_gb, disk_available_least: free_disk_gb },
    ...{ running_vms: used.nodes, current_workload: workload },
  };
}
