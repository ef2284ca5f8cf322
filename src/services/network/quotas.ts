/** Quotas of the network service, which are fixed, and their usage. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { mostPorts } from './port-quota.ts';

/** Networks and subnets per project: a new subnet is compared with all others. */
export const mostEach = 1000;

/** -1 = unlimited. */
export const quotaTable: Readonly<Record<string, number>> = {
  network: mostEach,
  subnet: mostEach,
  port: mostPorts,
  router: -1,
  floatingip: -1,
  security_group: 10,
  security_group_rule: 100,
  subnetpool: -1,
  rbac_policy: -1,
};

const countTable = {
  security_group: (store: Store, project_id: string) => store.security_groups.count({ project_id }),
  security_group_rule: (store: Store, project_id: string) => store.security_group_rules.count({ project_id }),
};

type Counted = keyof typeof countTable;

/**
 * As in Neutron, also administrators are limited. Call in the transaction that creates them, before.
 * @param more how many are created
 * @throws Fault `overQuota`
 */
export async function refuseOver(
  trx: Store,
  what: Counted,
  { project_id, more = 1 }: { project_id: string; more?: number },
): Promise<void> {
  const limit = quotaTable[what] ?? -1;
  if (limit >= 0 && (await countTable[what](trx, project_id)) + more > limit) throw new Fault('overQuota', { what });
}

/** Administrators are not limited. @throws Fault `overQuota` */
export function refuseMore(caller: Caller, what: 'network' | 'subnet', own: readonly object[]): void {
  if (own.length >= mostEach && !caller.is_admin) throw new Fault('overQuota', { what });
}

/** Ports that servers create for themselves do not count towards a quota. */
export async function quotaUsage({ store }: NetworkContext, project_id: string): Promise<Readonly<Record<string, number>>> {
  const counts = Object.entries(countTable).map(async ([what, count]) => [what, await count(store, project_id)] as const);
  const [networks, subnets, ports] = await Promise.all([
    store.networks.pick(['id'], { project_id }),
    store.subnets.pick(['id'], { project_id }),
    store.ports.pick(['id'], { project_id, owned_by_server: false }),
  ]);
  return {
    ...Object.fromEntries(await Promise.all(counts)),
    network: networks.length,
    subnet: subnets.length,
    port: ports.length,
  };
}
