/** Availability zones: there is one, for networks and for routers. */
import type { Store } from '#store/store.ts';
import type { NetworkAgent } from '#store/tables/network-agents.ts';
import { networkFault } from './errors.ts';

/** The name of the compute service's. */
export const zone = 'nova';

export const availabilityZones = (['network', 'router'] as const).map((resource) => ({
  name: zone,
  resource,
  state: 'available',
}));

/** @throws Fault `missing` */
export function refuseUnknownZones(hints: readonly string[]): void {
  const unknown = hints.find((hint) => hint !== zone);
  if (unknown !== undefined) throw networkFault('AvailabilityZoneNotFound', `AvailabilityZone ${unknown} could not be found.`);
}

/** Of the agent that hosts all networks or routers which need one, even while it does not report. */
export async function zonesOfAgent(store: Store, agent_type: NetworkAgent['agent_type']): Promise<string[]> {
  const agents = await store.network_agents.pick(['availability_zone'], { agent_type });
  return [...new Set(agents.map(({ availability_zone }) => availability_zone))];
}
