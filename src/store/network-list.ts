/** The networks and subnets visible to a project: its own and the shared ones. Others are not read at all. */

import type { Store } from './store.ts';
import type { Network } from './tables/networks.ts';
import type { Subnet } from './tables/subnets.ts';

/** Oldest first. @param project_id undefined: all */
export async function listNetworks({ networks }: Store, project_id: string | undefined): Promise<Network[]> {
  if (project_id === undefined) return networks.list({}, { orderBy: 'created_at' });
  return merge(await networks.list({ project_id }), await networks.list({ shared: true }));
}

/** A subnet is visible if its network is. */
export async function listSubnets({ networks, subnets }: Store, project_id: string | undefined): Promise<Subnet[]> {
  if (project_id === undefined) return subnets.list({}, { orderBy: 'created_at' });
  const shared = await networks.pick(['id'], { shared: true });
  return merge(await subnets.list({ project_id }), await subnets.list({ network_id: shared.map(({ id }) => id) }));
}

type Row = { readonly id: string; readonly created_at: string };

function merge<T extends Row>(own: readonly T[], shared: readonly T[]): T[] {
  const byId = new Map([...own, ...shared].map((row) => [row.id, row]));
  return [...byId.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0));
}
