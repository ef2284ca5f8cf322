/** `/os-simple-tenant-usage`, from existing servers: how many hours of the period each has had its machine. */
import { Type } from 'typebox';
import { type CountedServer, liveServers, type Period, readPeriod, type ServerUsage, usageOf } from '#services/compute/usage.ts';
import { Nullable } from '../http/schemas.ts';
import { since } from '../http/versioned.ts';
import { viewOf } from '../http/view.ts';
import { authorize, route } from './policy.ts';
import { microsecondsTime } from './times.ts';

const query = Type.Object({
  start: Type.Optional(Type.String()),
  end: Type.Optional(Type.String()),
  detailed: Type.Optional(Type.String()),
  limit: since(40, Type.Optional(Type.Integer())),
  marker: since(40, Type.Optional(Type.String())),
});

const ServerUsageReply = Type.Object({
  hours: Type.Number(),
  flavor: Type.String(),
  instance_id: Type.String(),
  name: Type.String(),
  tenant_id: Type.String(),
  memory_mb: Type.Integer(),
  local_gb: Type.Integer(),
  vcpus: Type.Integer(),
  started_at: Nullable(Type.String()),
  ended_at: Type.Null(),
  state: Type.String(),
  uptime: Type.Integer(),
});

type Usage = {
  readonly project_id: string;
  readonly servers: readonly ServerUsage[];
  readonly period: Period;
  readonly isDetailed: boolean;
};

function sum({ servers }: Usage, amountOf: (server: ServerUsage) => number): number {
  return servers.reduce((total, server) => total + server.hours * amountOf(server), 0);
}

const usageView = viewOf<Usage>()({
  tenant_id: { type: Type.String(), value: ({ project_id }) => project_id },
  start: { type: Type.String(), value: ({ period }) => microsecondsTime(new Date(period.start).toISOString()) },
  stop: { type: Type.String(), value: ({ period }) => microsecondsTime(new Date(period.stop).toISOString()) },
  total_hours: { type: Type.Number(), value: (usage) => sum(usage, () => 1) },
  total_vcpus_usage: { type: Type.Number(), value: (usage) => sum(usage, ({ flavor }) => flavor.vcpus) },
  total_memory_mb_usage: { type: Type.Number(), value: (usage) => sum(usage, ({ flavor }) => flavor.ram) },
  total_local_gb_usage: { type: Type.Number(), value: (usage) => sum(usage, ({ flavor }) => flavor.disk + flavor.ephemeral) },
  server_usages: {
    type: Type.Array(ServerUsageReply),
    when: ({ isDetailed }) => isDetailed,
    value: ({ servers }) => servers.map(serverUsageJson),
  },
});

function serverUsageJson({ hours, flavor, launched_at, uptime, ...server }: ServerUsage) {
  return {
    hours,
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
    uptime,
  };
}

function usageIn(period: Period, project_id: string, servers: readonly CountedServer[], isDetailed: boolean): Usage {
  return { project_id, period, isDetailed, servers: servers.map((server) => usageOf(server, period)) };
}

export const usageRoutes = [
  route({
    method: 'GET',
    path: '/os-simple-tenant-usage',
    policy: 'os_compute_api:os-simple-tenant-usage:list',
    summary: 'Show the usage of all projects',
    query,
    reply: Type.Object({ tenant_usages: Type.Array(usageView.schema) }),
    async handler(request, context) {
      // A marker requests the page after the only one.
      if (request.query.marker !== undefined) return { tenant_usages: [] };
      const period = readPeriod(request.query);
      const byProject = Map.groupBy(await liveServers(context), ({ project_id }) => project_id);
      const isDetailed = request.query.detailed === '1';
      const usages = [...byProject].map(([project_id, servers]) => usageIn(period, project_id, servers, isDetailed));
      return { tenant_usages: usages.map(usageView.of(request, context)) };
    },
  }),
  route({
    method: 'GET',
    path: '/os-simple-tenant-usage/:project_id',
    policy: 'os_compute_api:os-simple-tenant-usage:show',
    summary: 'Show the usage of a project',
    query,
    reply: Type.Object({ tenant_usage: Type.Union([usageView.schema, Type.Object({})]) }),
    async handler(request, context) {
      const { project_id } = request.params;
      authorize(request, 'os_compute_api:os-simple-tenant-usage:show', { project_id });
      if (request.query.marker !== undefined) return { tenant_usage: {} };
      const servers = await liveServers(context, project_id);
      if (servers.length === 0) return { tenant_usage: {} };
      return { tenant_usage: usageView.of(request, context)(usageIn(readPeriod(request.query), project_id, servers, true)) };
    },
  }),
];
