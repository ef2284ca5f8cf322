/** Availability zones: there is one, for networks and for routers. */
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
