/** `/limits` and `/os-quota-sets`: quotas are fixed, most are unlimited; usage is counted. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { mostKeypairs } from '#services/compute/keypairs.ts';
import { largestPersonality, longestPersonalityPath, mostPersonality } from '#services/compute/server-files.ts';
import { largestMetadata } from '#services/compute/servers.ts';
import { type InUse, liveServers, usedBy } from '#services/compute/usage.ts';
import { isWithin } from '../http/versioned.ts';
import { viewOf } from '../http/view.ts';
import { authorize, route, unsupportedRoute } from './policy.ts';

const unlimited = -1;

type Quota = { readonly limit: number /** Last minor microversion that shows it. */; readonly until?: number };

/** In the order of Nova's own (nova/quota.py). What only other services limit is not limited here. */
const quotaTable: Readonly<Record<string, Quota>> = {
  instances: { limit: unlimited },
  cores: { limit: unlimited },
  ram: { limit: unlimited },
  key_pairs: { limit: mostKeypairs },
  metadata_items: { limit: largestMetadata },
  injected_files: { limit: mostPersonality, until: 56 },
  injected_file_content_bytes: { limit: largestPersonality, until: 56 },
  injected_file_path_bytes: { limit: longestPersonalityPath, until: 56 },
  fixed_ips: { limit: unlimited, until: 35 },
  floating_ips: { limit: unlimited, until: 35 },
  security_groups: { limit: unlimited, until: 35 },
  security_group_rules: { limit: unlimited, until: 35 },
  server_groups: { limit: 0 },
  server_group_members: { limit: 0 },
};

const limit = (value: number, until?: number) => ({
  type: Type.Integer(),
  value: () => value,
  ...(until !== undefined && { until }),
});

const limitsView = viewOf<InUse>()({
  maxTotalInstances: limit(unlimited),
  maxTotalCores: limit(unlimited),
  maxTotalRAMSize: limit(unlimited),
  maxTotalKeypairs: limit(mostKeypairs),
  maxServerMeta: limit(largestMetadata),
  maxImageMeta: limit(largestMetadata, 38),
  maxPersonality: limit(mostPersonality, 56),
  maxPersonalitySize: limit(largestPersonality, 56),
  maxTotalFloatingIps: limit(unlimited, 35),
  maxSecurityGroups: limit(unlimited, 35),
  maxSecurityGroupRules: limit(unlimited, 35),
  maxServerGroups: limit(0),
  maxServerGroupMembers: limit(0),
  totalInstancesUsed: { type: Type.Integer(), value: ({ instances }) => instances },
  totalCoresUsed: { type: Type.Integer(), value: ({ cores }) => cores },
  totalRAMUsed: { type: Type.Integer(), value: ({ ram }) => ram },
  totalServerGroupsUsed: limit(0),
  totalFloatingIpsUsed: limit(0, 35),
  totalSecurityGroupsUsed: limit(0, 35),
});

function quotasAt({ microversion }: FastifyRequest): [string, Quota][] {
  return Object.entries(quotaTable).filter(([, quota]) => isWithin(quota, microversion.minor));
}

const QuotaSet = Type.Object({ quota_set: Type.Record(Type.String(), Type.Unknown()) });

const showQuotas = (
  path: '/os-quota-sets/:project_id' | '/os-quota-sets/:project_id/defaults',
  policy: 'os_compute_api:os-quota-sets:show' | 'os_compute_api:os-quota-sets:defaults',
) =>
  route({
    method: 'GET',
    path,
    policy,
    summary: 'Show the quotas of a project: fixed',
    reply: QuotaSet,
    handler(request) {
      const { project_id } = request.params;
      authorize(request, 'os_compute_api:os-quota-sets:show', { project_id });
      return {
        quota_set: { id: project_id, ...Object.fromEntries(quotasAt(request).map(([name, quota]) => [name, quota.limit])) },
      };
    },
  });

export const quotaRoutes = [
  route({
    method: 'GET',
    path: '/limits',
    policy: 'os_compute_api:limits',
    summary: 'Show limits and usage of a project',
    query: Type.Object({ tenant_id: Type.Optional(Type.String()) }),
    reply: Type.Object({ limits: Type.Object({ rate: Type.Array(Type.Unknown()), absolute: limitsView.schema }) }),
    async handler(request, context) {
      const project_id = request.query.tenant_id ?? request.caller.project_id;
      if (project_id !== request.caller.project_id) authorize(request, 'os_compute_api:limits:other_project');
      const used = usedBy(await liveServers(context, project_id));
      return { limits: { rate: [], absolute: limitsView.of(request, context)(used) } };
    },
  }),
  route({
    method: 'GET',
    path: '/os-quota-sets/:project_id/detail',
    policy: 'os_compute_api:os-quota-sets:detail',
    summary: 'Show quotas and usage of a project',
    reply: QuotaSet,
    async handler(request, context) {
      const { project_id } = request.params;
      authorize(request, 'os_compute_api:os-quota-sets:detail', { project_id });
      // Key pairs and metadata are not used up by a project: Nova reports 0 for them.
      const inUse: Readonly<Record<string, number>> = usedBy(await liveServers(context, project_id));
      const shown = quotasAt(request).map(([name, quota]) => [
        name,
        { limit: quota.limit, in_use: inUse[name] ?? 0, reserved: 0 },
      ]);
      return { quota_set: { id: project_id, ...Object.fromEntries(shown) } };
    },
  }),
  showQuotas('/os-quota-sets/:project_id', 'os_compute_api:os-quota-sets:show'),
  showQuotas('/os-quota-sets/:project_id/defaults', 'os_compute_api:os-quota-sets:defaults'),
  unsupportedRoute({
    method: 'PUT',
    path: '/os-quota-sets/:project_id',
    policy: 'os_compute_api:os-quota-sets:update',
    what: 'Setting quotas',
  }),
];
