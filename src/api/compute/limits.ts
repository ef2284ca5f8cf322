/** `/limits`, `/os-quota-sets`, `/os-simple-tenant-usage`: quotas are fixed, most are unlimited; usage is counted. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { owns, requireAdmin } from '../http/authentication.ts';
import { atLeast } from '../http/microversions.ts';
import { mostKeypairs } from './keypairs.ts';
import { largestMetadata } from './server-create.ts';
import { microsecondsTime } from './times.ts';

const unlimited = -1;
const ProjectParams = Type.Object({ project_id: Type.String() });

export function registerLimits(app: ApiScope, context: ApiContext): void {
  app.get('/limits', { schema: { querystring: Type.Object({ tenant_id: Type.Optional(Type.String()) }) } }, async (request) => {
    const project_id = request.query.tenant_id ?? request.caller.project_id;
    if (project_id !== request.caller.project_id) requireAdmin(request, 'os_compute_api:limits:other_project');
    const servers = await liveServers(context, project_id);
    return { limits: { rate: [], absolute: absoluteLimits(servers) } };
  });
  registerQuotas(app, context);
  registerUsage(app, context);
}

const counted = ['id', 'name', 'project_id', 'flavor', 'vm_state', 'launched_at'] as const;
type CountedServer = Pick<Server, (typeof counted)[number]>;

/** Without user data, which may be 64 KiB per server. */
function liveServers({ store }: ApiContext, project_id?: string): Promise<CountedServer[]> {
  const vm_state: Server['vm_state'][] = ['building', 'active', 'stopped', 'error'];
  return store.servers.pick(counted, { ...(project_id && { project_id }), vm_state });
}

function absoluteLimits(servers: readonly CountedServer[]) {
  const sum = (amountOf: (server: CountedServer) => number) => servers.reduce((total, server) => total + amountOf(server), 0);
  return {
    maxTotalInstances: unlimited,
    maxTotalCores: unlimited,
    maxTotalRAMSize: unlimited,
    maxTotalKeypairs: mostKeypairs,
    maxServerMeta: largestMetadata,
    maxServerGroups: 0,
    maxServerGroupMembers: 0,
    totalInstancesUsed: servers.length,
    totalCoresUsed: sum(({ flavor }) => flavor.vcpus),
    totalRAMUsed: sum(({ flavor }) => flavor.ram),
    totalServerGroupsUsed: 0,
  };
}

const quotas = {
  instances: unlimited,
  cores: unlimited,
  ram: unlimited,
  key_pairs: mostKeypairs,
  metadata_items: largestMetadata,
};
const noQuotas = { server_groups: 0, server_group_members: 0 };

type InUse = { totalInstancesUsed: number; totalCoresUsed: number; totalRAMUsed: number };

/** Key pairs and metadata are not used up by a project: Nova reports 0 for them. */
function quotasInUse({ totalInstancesUsed, totalCoresUsed, totalRAMUsed }: InUse): object {
  const inUse: Record<string, number> = { instances: totalInstancesUsed, cores: totalCoresUsed, ram: totalRAMUsed };
  const all = Object.entries({ ...quotas, ...noQuotas });
  return Object.fromEntries(all.map(([name, limit]) => [name, { limit, in_use: inUse[name] ?? 0, reserved: 0 }]));
}

function registerQuotas(app: ApiScope, context: ApiContext): void {
  const projectOf = (request: FastifyRequest): string => {
    const { project_id } = request.params as { project_id: string };
    if (!owns(request.caller, { project_id })) requireAdmin(request, 'os_compute_api:os-quota-sets:show');
    return project_id;
  };
  const show = async (request: FastifyRequest) => ({ quota_set: { id: projectOf(request), ...quotas, ...noQuotas } });
  app.get('/os-quota-sets/:project_id/detail', { schema: { params: ProjectParams } }, async (request) => {
    const project_id = projectOf(request);
    const used = absoluteLimits(await liveServers(context, project_id));
    return { quota_set: { id: project_id, ...quotasInUse(used) } };
  });
  app.get('/os-quota-sets/:project_id', { schema: { params: ProjectParams } }, show);
  app.get('/os-quota-sets/:project_id/defaults', { schema: { params: ProjectParams } }, show);
  app.put('/os-quota-sets/:project_id', async (request) => {
    requireAdmin(request, 'os_compute_api:os-quota-sets:update');
    throw new Fault('unsupported', { what: 'Setting quotas' });
  });
}

const UsageQuery = Type.Object({
  start: Type.Optional(Type.String()),
  end: Type.Optional(Type.String()),
  detailed: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer()),
  marker: Type.Optional(Type.String()),
});
type Period = { start: number; stop: number };

/** Computed from existing servers: how many hours of the period each has had its machine. */
function registerUsage(app: ApiScope, context: ApiContext): void {
  app.get('/os-simple-tenant-usage', { schema: { querystring: UsageQuery } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-simple-tenant-usage:list');
    // A marker requests the page after the only one.
    if (request.query.marker !== undefined && atLeast(request.microversion, 40)) return { tenant_usages: [] };
    const period = readPeriod(request.query);
    const byProject = Map.groupBy(await liveServers(context), ({ project_id }) => project_id);
    return { tenant_usages: [...byProject].map(([project_id, servers]) => usageOf(project_id, servers, period)) };
  });
  app.get(
    '/os-simple-tenant-usage/:project_id',
    { schema: { params: ProjectParams, querystring: UsageQuery } },
    async (request) => {
      const { project_id } = request.params;
      if (!owns(request.caller, { project_id })) requireAdmin(request, 'os_compute_api:os-simple-tenant-usage:show');
      if (request.query.marker !== undefined && atLeast(request.microversion, 40)) return { tenant_usage: {} };
      const servers = await liveServers(context, project_id);
      return { tenant_usage: servers.length === 0 ? {} : usageOf(project_id, servers, readPeriod(request.query)) };
    },
  );
}

function readPeriod(query: { start?: string; end?: string }): Period {
  const read = (text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    const time = Date.parse(/[zZ]$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
    const day = Number.isNaN(time) ? Date.parse(text) : time;
    if (Number.isNaN(day)) throw new Fault('badRequest', { detail: `Invalid time ${text}: it must be ISO 8601.` });
    return day;
  };
  const stop = read(query.end, Date.now());
  const start = read(query.start, stop - 4 * 7 * 24 * 3_600_000);
  if (start >= stop)
    throw new Fault('badRequest', { detail: 'Invalid start time. The start time cannot occur after the end time.' });
  return { start, stop };
}

function usageOf(project_id: string, servers: readonly CountedServer[], { start, stop }: Period) {
  const total = { hours: 0, vcpus: 0, memory: 0, disk: 0 };
  for (const { flavor, launched_at } of servers) {
    const from = Math.max(launched_at ? Date.parse(launched_at) : stop, start);
    const hours = Math.max(Math.min(stop, Date.now()) - from, 0) / 3_600_000;
    total.hours += hours;
    total.vcpus += hours * flavor.vcpus;
    total.memory += hours * flavor.ram;
    total.disk += hours * (flavor.disk + flavor.ephemeral);
  }
  return {
    tenant_id: project_id,
    start: microsecondsTime(new Date(start).toISOString()),
    stop: microsecondsTime(new Date(stop).toISOString()),
    total_hours: total.hours,
    total_vcpus_usage: total.vcpus,
    total_memory_mb_usage: total.memory,
    total_local_gb_usage: total.disk,
    server_usages: servers.map((server) => ({
      instance_id: server.id,
      name: server.name,
      tenant_id: project_id,
      flavor: server.flavor.name,
      vcpus: server.flavor.vcpus,
      memory_mb: server.flavor.ram,
      local_gb: server.flavor.disk,
      state: server.vm_state,
      started_at: microsecondsTime(server.launched_at),
      ended_at: null,
    })),
  };
}
