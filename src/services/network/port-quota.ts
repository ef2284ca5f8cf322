/** Port quota of a project. Ports that servers create for themselves are limited by the machines and not counted. */
import { Fault } from '#domain/faults.ts';
import { attachedAmong } from '#engine/servers/addresses.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';

/** Neutron's default for `quota_port`. */
export const mostPorts = 500;
/**
 * Ports and addresses without a machine on networks of other projects: a fifth of a /24, enough for parallel
 * deployments.
 */
const mostOnForeign = 50;

/** Counts the new port too: call in the transaction that created it. @throws Fault `overQuota` */
export async function refuseManyPorts(trx: Store, project_id: string, network: Network): Promise<void> {
  const made = { project_id, owned_by_server: false };
  if ((await trx.ports.pick(['id'], made)).length > mostPorts) throw new Fault('overQuota', { what: 'port' });
  if (network.project_id === project_id) return;
  const here = await trx.ports.pick(['id', 'fixed_ips'], { ...made, network_id: network.id });
  const bound = await attachedAmong(
    trx,
    here.map(({ id }) => id),
  );
  const idle = here.filter(({ id }) => !bound.has(id));
  const taken = idle.reduce((sum, { fixed_ips }) => sum + Math.max(fixed_ips.length, 1), 0);
  if (taken > mostOnForeign) throw new Fault('overQuota', { what: 'port on networks of other projects' });
}
