/**
 * Addresses of subnets whose hosts make their own of their MAC (SLAAC, stateless DHCPv6). Each port of the network has one
 * (neutron/db/ipam_pluggable_backend.py), except those of routers to which it is the inside.
 */

import { eui64Address } from '#domain/eui64.ts';
import { Fault } from '#domain/faults.ts';
import { formatAddress, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Store } from '#store/store.ts';
import { allocationOf } from '#store/tables/ip-allocations.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';

type FixedIp = Port['fixed_ips'][number];
type Modes = Pick<Subnet, 'ipv6_address_mode' | 'ipv6_ra_mode'>;
type Place = Modes & Pick<Subnet, 'id' | 'cidr'>;

const interfaceOwner = 'network:router_interface';

export function isAutomatic({ ipv6_address_mode, ipv6_ra_mode }: Modes): boolean {
  return [ipv6_address_mode, ipv6_ra_mode].some((mode) => mode === 'slaac' || mode === 'dhcpv6-stateless');
}

export function automaticAddress({ id, cidr }: Place, mac: string): FixedIp {
  return { subnet_id: id, ip_address: eui64Address(parseCidr(cidr)!, mac) };
}

/** Of the addresses that a request names, one in such a subnet can only be the port's own. @throws Fault `invalidInput` */
export function refuseChosen(subnet: Place, { ip_address, mac }: { ip_address: string; mac: string }): void {
  const address = parseAddress(ip_address);
  if (address && formatAddress(address) === automaticAddress(subnet, mac).ip_address) return;
  const detail = `IPv6 address ${ip_address} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`;
  throw new Fault('invalidInput', { detail, type: 'AllocationOnAutoAddressSubnet' });
}

/** The addresses of a port whose MAC changes. Call in the transaction that changes it. @throws Fault `ipAddressInUse` */
export async function addressesWithMac(trx: Store, port: Port, mac: string): Promise<FixedIp[]> {
  const ids = port.fixed_ips.map(({ subnet_id }) => subnet_id);
  const subnets = ids.length === 0 ? [] : (await trx.subnets.list({ id: ids, ip_version: 6 })).filter(isAutomatic);
  if (subnets.length === 0 || port.device_owner === interfaceOwner) return port.fixed_ips;
  await trx.ip_allocations.remove({ port_id: port.id, subnet_id: subnets.map(({ id }) => id) });
  const fresh = new Map(subnets.map((subnet) => [subnet.id, automaticAddress(subnet, mac)]));
  for (const fixed of fresh.values()) await take(trx, port, fixed);
  return port.fixed_ips.map((fixed) => fresh.get(fixed.subnet_id) ?? fixed);
}

/** @throws Fault `ipAddressInUse` */
async function take(trx: Store, { id, network_id }: Port, fixed: FixedIp): Promise<void> {
  if (!(await trx.ip_allocations.insertIfAbsent(allocationOf(id, fixed))))
    throw new Fault('ipAddressInUse', { address: fixed.ip_address, network: network_id });
}

/** The ports that a network has when it gets such a subnet. Call in the transaction that creates it. */
export async function giveAutomatic(trx: Store, subnet: Subnet): Promise<void> {
  if (!isAutomatic(subnet)) return;
  for (const port of await trx.ports.list({ network_id: subnet.network_id })) {
    if (port.device_owner === interfaceOwner) continue;
    const fixed = automaticAddress(subnet, port.mac_address);
    if (fixed.ip_address === subnet.gateway_ip) continue;
    await take(trx, port, fixed);
    await trx.ports.update({ id: port.id }, { fixed_ips: [...port.fixed_ips, fixed], updated_at: new Date().toISOString() });
  }
}

/** Such addresses keep no subnet from its deletion. Call in the transaction that deletes it. */
export async function takeAutomatic(trx: Store, subnet: Subnet): Promise<void> {
  if (!isAutomatic(subnet)) return;
  const ids = (await trx.ip_allocations.pick(['port_id'], { subnet_id: subnet.id })).map(({ port_id }) => port_id);
  for (const port of ids.length === 0 ? [] : await trx.ports.list({ id: ids })) {
    if (port.device_owner === interfaceOwner) continue;
    const fixed_ips = port.fixed_ips.filter(({ subnet_id }) => subnet_id !== subnet.id);
    await trx.ip_allocations.remove({ port_id: port.id, subnet_id: subnet.id });
    await trx.ports.update({ id: port.id }, { fixed_ips, updated_at: new Date().toISOString() });
  }
}
