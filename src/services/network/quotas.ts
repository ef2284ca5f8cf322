/** Quotas of the network service, which are fixed, and their usage. */
import { Fault } from '#domain/faults.ts';
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
  security_group: -1,
  security_group_rule: -1,
  subnetpool: -1,
  rbac_policy: -1,
};

/** Administrators are not limited. @throws Fault `overQuota` */
export function refuseMore(caller: Caller, what: 'network' | 'subnet', own: readonly object[]): void {
  if (own.length >= mostEach && !caller.is_admin) throw new Fault('overQuota', { what });
}

/** Ports that servers create for themselves do not count towards a quota. */
export async function quotaUsage({ store }: NetworkContext, project_id: string): Promise<Readonly<Record<string, number>>> {
  const [networks, subnets, ports] = await Promise.all([
    store.networks.pick(['id'], { project_id }),
    store.subnets.pick(['id'], { project_id }),
    store.ports.pick(['id'], { project_id, owned_by_server: false }),
  ]);
  return { network: networks.length, subnet: subnets.length, port: ports.length };
}
