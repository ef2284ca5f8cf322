/** Quotas of the network service: Neutron's defaults, or what an administrator has set for a project. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';

/** -1 = unlimited. */
export const defaultQuotas = {
  network: 100,
  subnet: 100,
  port: 500,
  router: 50,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
  subnetpool: -1,
  rbac_policy: 10,
} as const satisfies Record<string, number>;

export type QuotaName = keyof typeof defaultQuotas;
export type Quotas = Readonly<Record<QuotaName, number>>;

export const quotaNames = Object.keys(defaultQuotas) as QuotaName[];

type Count = (store: Store, project_id: string) => Promise<number>;

/** How many of them a project has. Ports that servers create for themselves are limited by the machines and not counted. */
const countTable: Readonly<Partial<Record<QuotaName, Count>>> = {
  network: (store, project_id) => store.networks.count({ project_id }),
  subnet: (store, project_id) => store.subnets.count({ project_id }),
  port: (store, project_id) => store.ports.count({ project_id, owned_by_server: false }),
  router: (store, project_id) => store.routers.count({ project_id }),
  floatingip: (store, project_id) => store.floating_ips.count({ project_id }),
  security_group: (store, project_id) => store.security_groups.count({ project_id }),
  subnetpool: (store, project_id) => store.subnet_pools.count({ project_id }),
  rbac_policy: (store, project_id) => store.rbac_policies.count({ project_id }),
  security_group_rule: (store, project_id) => store.security_group_rules.count({ project_id }),
};

const usedOf = async (store: Store, project_id: string, name: QuotaName) => (await countTable[name]?.(store, project_id)) ?? 0;

/**
 * As in Neutron, administrators are limited, too: by the quota of the project that is to own them. Call in the
 * transaction that creates them, before.
 * @param more how many are created
 * @throws Fault `overQuota`
 */
export async function refuseOver(
  trx: Store,
  what: QuotaName,
  { project_id, more = 1 }: { project_id: string; more?: number },
): Promise<void> {
  const own = await trx.network_quotas.find({ project_id, resource: what });
  const most = own?.most ?? defaultQuotas[what];
  if (most >= 0 && (await usedOf(trx, project_id, what)) + more > most) throw new Fault('overQuota', { what });
}

export async function quotasOf({ store }: NetworkContext, project_id: string): Promise<Quotas> {
  return withDefaults(await store.network_quotas.list({ project_id }));
}

function withDefaults(own: readonly { resource: string; most: number }[]): Quotas {
  return { ...defaultQuotas, ...Object.fromEntries(own.map(({ resource, most }) => [resource, most])) };
}

/** Of projects that differ from the defaults. */
export async function changedQuotas({ store }: NetworkContext): Promise<(Quotas & { project_id: string })[]> {
  const rows = await store.network_quotas.list({}, { orderBy: 'project_id' });
  const byProject = Map.groupBy(rows, ({ project_id }) => project_id);
  return [...byProject].map(([project_id, own]) => ({ project_id, ...withDefaults(own) }));
}

export async function quotaUsage({ store }: NetworkContext, project_id: string): Promise<Quotas> {
  const counts = quotaNames.map(async (name) => [name, await usedOf(store, project_id, name)] as const);
  return Object.fromEntries(await Promise.all(counts)) as Quotas;
}

type Change = { readonly limits: Partial<Quotas>; readonly force: boolean };

/** @throws Fault `badRequest` if more is in use, unless it is forced */
export async function setQuotas({ store }: NetworkContext, project_id: string, { limits, force }: Change): Promise<void> {
  await store.transaction(async (trx) => {
    for (const [name, most] of Object.entries(limits) as [QuotaName, number][]) {
      const used = await usedOf(trx, project_id, name);
      if (!force && most >= 0 && used > most) {
        const detail = `Quota limit ${most} for ${name} must be greater than or equal to already used ${used}`;
        throw new Fault('badRequest', { detail, type: 'HTTPBadRequest' });
      }
      await trx.network_quotas.upsert(['project_id', 'resource'], { project_id, resource: name, most });
    }
  });
}

/** @throws Fault `missing` if there are only the defaults */
export async function resetQuotas({ store }: NetworkContext, project_id: string): Promise<void> {
  if ((await store.network_quotas.remove({ project_id })) > 0) return;
  throw networkFault('ProjectQuotaNotFound', `Quota for project ${project_id} could not be found.`);
}
