/** `/limits`, `/os-quota-sets`, `/os-simple-tenant-usage`: quotas are fixed, most are unlimited; usage is counted. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { mostKeypairs } from '#services/compute/keypairs.ts';
import { liveVmStates, type Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { owns, requireAdmin } from '../http/authentication.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { largestMetadata, largestPersonality, longestPersonalityPath, mostPersonality } from './server-create.ts';
import { microsecondsTime } from './times.ts';

const unlimited = -1;
const ProjectParams = Type.Object({ project_id: Type.String() });

export function registerLimits(app: ApiScope, context: ApiContext): void {
  app.get('/limits', { schema: { querystring: Type.Object({ tenant_id: Type.Optional(Type.String()) }) } }, async (request) => {
    const project_id = request.query.tenant_id ?? request.caller.project_id;
    if (project_id !== request.caller.project_id) requireAdmin(request, 'os_compute_api:limits:other_project');
    const servers = await liveServers(context, project_id);
    return { limits: { rate: [], absolute: absoluteLimits(usedBy(servers), request.microversion) } };
  });
  registerQuotas(app, context);
  registerUsage(app, context);
}

const counted = ['id', 'name', 'project_id', 'flavor', 'vm_state', 'launched_at'] as const;
type CountedServer = Pick<Server, (typeof counted)[number]>;

/** Without user data, which may be 64 KiB per server. */
function liveServers({ store }: ApiContext, project_id?: string): Promise<CountedServer[]> {
  return store.servers.pick(counted, { ...(project_id && { project_id }), vm_state: liveVmStates });
}

type Quota = {
  readonly limit: number;
  /** Last minor microversion that shows it, as a quota and as a limit. */
  readonly until?: number;
  /** Names in `/limits`, with the last minor microversion of each. */
  readonly limits?: Readonly<Record<string, number>>;
};

const always = Number.POSITIVE_INFINITY;

/** In the order of Nova's own (nova/quota.py). What only other services limit is not limited here. */
const quotaTable: Readonly<Record<string, Quota>> = {
  instances: { limit: unlimited, limits: { maxTotalInstances: always } },
  cores: { limit: unlimited, limits: { maxTotalCores: always } },
  ram: { limit: unlimited, limits: { maxTotalRAMSize: always } },
  key_pairs: { limit: mostKeypairs, limits: { maxTotalKeypairs: always } },
  metadata_items: { limit: largestMetadata, limits: { maxServerMeta: always, maxImageMeta: 38 } },
  injected_files: { limit: mostPersonality, until: 56, limits: { maxPersonality: 56 } },
  injected_file_content_bytes: { limit: largestPersonality, until: 56, limits: { maxPersonalitySize: 56 } },
  injected_file_path_bytes: { limit: longestPersonalityPath, until: 56 },
  fixed_ips: { limit: unlimited, until: 35 },
  floating_ips: { limit: unlimited, until: 35, limits: { maxTotalFloatingIps: 35 } },
  security_groups: { limit: unlimited, until: 35, limits: { maxSecurityGroups: 35 } },
  security_group_rules: { limit: unlimited, until: 35, limits: { maxSecurityGroupRules: 35 } },
  server_groups: { limit: 0, limits: { maxServerGroups: always } },
  server_group_members: { limit: 0, limits: { maxServerGroupMembers: always } },
};

function quotasAt({ minor }: Microversion): [string, Quota][] {
  return Object.entries(quotaTable).filter(([, { until = always }]) => minor <= until);
}

function absoluteLimits(used: InUse, version: Microversion) {
  const limits = Object.values(quotaTable).flatMap(({ limit, limits = {} }) =>
    Object.entries(limits).flatMap(([name, until]) => (version.minor <= until ? [[name, limit] as const] : [])),
  );
  return {
    ...Object.fromEntries(limits),
    totalInstancesUsed: used.instances,
    totalCoresUsed: used.cores,
    totalRAMUsed: used.ram,
    totalServerGroupsUsed: 0,
    ...(!atLeast(version, 36) && { totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 }),
  };
}

type InUse = { instances: number; cores: number; ram: number };

function usedBy(servers: readonly CountedServer[]): InUse {
  const sum = (amountOf: (server: CountedServer) => number) => servers.reduce((total, server) => total + amountOf(server), 0);
  return { instances: servers.length, cores: sum(({ flavor }) => flavor.vcpus), ram: sum(({ flavor }) => flavor.ram) };
}

/** Key pairs and metadata are not used up by a project: Nova reports 0 for them. */
function quotasInUse(used: InUse, version: Microversion): object {
  const inUse: Readonly<Record<string, number>> = used;
  return Object.fromEntries(
    quotasAt(version).map(([name, { limit }]) => [name, { limit, in_use: inUse[name] ?? 0, reserved: 0 }]),
  );
}

function registerQuotas(app: ApiScope, context: ApiContext): void {
  const projectOf = (request: FastifyRequest): string => {
    const { project_id } = request.params as { project_id: string };
    if (!owns(request.caller, { project_id })) requireAdmin(request, 'os_compute_api:os-quota-sets:show');
    return project_id;
  };
  const show = async (request: FastifyRequest) => ({
    quota_set: {
      id: projectOf(request),
      ...Object.fromEntries(quotasAt(request.microversion).map(([name, { limit }]) => [name, limit])),
    },
  });
  app.get('/os-quota-sets/:project_id/detail', { schema: { params: ProjectParams } }, async (request) => {
    const project_id = projectOf(request);
    const used = usedBy(await liveServers(context, project_id));
    return { quota_set: { id: project_id, ...quotasInUse(used, request.microversion) } };
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
    const isDetailed = request.query.detailed === '1';
    return {
      tenant_usages: [...byProject].map(([project_id, servers]) => usageOf(project_id, servers, { ...period, isDetailed })),
    };
  });
  app.get(
    '/os-simple-tenant-usage/:project_id',
    { schema: { params: ProjectParams, querystring: UsageQuery } },
    async (request) => {
      const { project_id } = request.params;
      if (!owns(request.caller, { project_id })) requireAdmin(request, 'os_compute_api:os-simple-tenant-usage:show');
      if (request.query.marker !== undefined && atLeast(request.microversion, 40)) return { tenant_usage: {} };
      const servers = await liveServers(context, project_id);
      return {
        tenant_usage:
          servers.length === 0 ? {} : usageOf(project_id, servers, { ...readPeriod(request.query), isDetailed: true }),
      };
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

type UsageView = Period & { isDetailed: boolean };

function usageOf(project_id: string, servers: readonly CountedServer[], { isDetailed, ...period }: UsageView) {
  const usages = servers.map((server) => serverUsageOf(server, period));
  const total = (amountOf: (usage: (typeof usages)[number]) => number) =>
    usages.reduce((sum, usage) => sum + usage.hours * amountOf(usage), 0);
  return {
    tenant_id: project_id,
    start: microsecondsTime(new Date(period.start).toISOString()),
    stop: microsecondsTime(new Date(period.stop).toISOString()),
    total_hours: total(() => 1),
    total_vcpus_usage: total(({ vcpus }) => vcpus),
    total_memory_mb_usage: total(({ memory_mb }) => memory_mb),
    total_local_gb_usage: total(({ local_gb }) => local_gb),
    ...(isDetailed && { server_usages: usages }),
  };
}

function serverUsageOf({ flavor, launched_at, ...server }: CountedServer, { start, stop }: Period) {
  const now = Date.now();
  const from = Math.max(launched_at ? Date.parse(launched_at) : stop, start);
  return {
    hours: Math.max(Math.min(stop, now) - from, 0) / 3_600_000,
    flavor: flavor.name,
    instance_id: server.id,
    name: server.name,
    tenant_id: server.project_id,
    memory_mb: flavor.ram,
    local_gb: flavor.disk + flavor.ephemeral,
    vcpus: flavor.vcpus,
    started_at: microsecondsTime(launched_at),
    ended_at: null,
    state: server.vm_state,
    uptime: launched_at ? Math.floor((now - Date.parse(launched_at)) / 1000) : 0,
  };
}
