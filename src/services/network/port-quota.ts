/** Ports of a project on networks of others. Those that servers create for themselves are limited by the machines. */
import { Fault } from '#domain/faults.ts';
import { attachedAmong } from '#engine/servers/addresses.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';

/**
 * Ports and addresses without a machine on networks of other projects: a fifth of a /24, enough for parallel
 * deployments.
 */
const mostOnForeign = 50;

/** Counts the new port too: call in the transaction that created it. @throws Fault `overQuota` */
export async function refuseManyOnForeign(trx: Store, project_id: string, network: Network): Promise<void> {
  if (network.project_id === project_id) return;
  const made = { project_id, owned_by_server: false, network_id: network.id };
  const here = await trx.ports.pick(['id', 'fixed_ips'], made);
  const bound = await attachedAmong(
    trx,
    here.map(({ id }) => id),
  );
  const idle = here.filter(({ id }) => !bound.has(id));
  const taken = idle.reduce((sum, { fixed_ips }) => sum + Math.max(fixed_ips.length, 1), 0);
  if (taken > mostOnForeign) throw new Fault('overQuota', { what: 'port on networks of other projects' });
}
