/** How many addresses of networks are in use (neutron/db/network_ip_availability_db.py). */
import { parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { NetworkContext } from './context.ts';

type Of = Pick<Subnet, 'id' | 'name' | 'network_id' | 'cidr' | 'ip_version' | 'allocation_pools'>;
export type SubnetAvailability = { readonly subnet: Of; readonly used_ips: number; readonly total_ips: number };
export type NetworkAvailability = { readonly network: Network; readonly subnets: readonly SubnetAvailability[] };

/** @param versions of the subnets that count; absent: all */
export async function availabilityOf(
  { store }: NetworkContext,
  networks: readonly Network[],
  versions?: readonly number[],
): Promise<NetworkAvailability[]> {
  const columns = ['id', 'name', 'network_id', 'cidr', 'ip_version', 'allocation_pools'] as const;
  const where = { network_id: networks.map(({ id }) => id) };
  const all = await store.subnets.pick(columns, where);
  const subnets = all.filter(({ ip_version }) => versions === undefined || versions.includes(ip_version));
  const used = await store.ip_allocations.countBySubnet(subnets.map(({ id }) => id));
  const counted = subnets.map((subnet) => ({ subnet, used_ips: used.get(subnet.id) ?? 0, total_ips: sizeOf(subnet) }));
  const byNetwork = Map.groupBy(counted, ({ subnet }) => subnet.network_id);
  return networks.map((network) => ({ network, subnets: byNetwork.get(network.id) ?? [] }));
}

/** A subnet without pools counts as a whole, as in Neutron. */
function sizeOf({ cidr: text, allocation_pools }: Of): number {
  const cidr = parseCidr(text);
  if (allocation_pools.length === 0) return cidr ? Number(cidr.last - cidr.first + 1n) : 0;
  const sizes = allocation_pools.map(
    ({ start, end }) => (parseAddress(end)?.value ?? 0n) - (parseAddress(start)?.value ?? 0n) + 1n,
  );
  return Number(sizes.reduce((sum, size) => sum + size, 0n));
}
