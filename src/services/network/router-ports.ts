/** The ports of routers. */
import { Fault } from '#domain/faults.ts';
import { isIn, overlap, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import { releasePort } from '#engine/servers/addresses.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { RouterPort } from '#store/tables/routers.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { networkFault } from './errors.ts';
import { refusePortOfTrunk } from './trunks.ts';

export const interfaceOwner = 'network:router_interface';
export const gatewayOwner = 'network:router_gateway';
export const floatingOwner = 'network:floatingip';

export const refusedRouter = (detail: string): Fault =>
  new Fault('badRequest', { detail: `Bad router request: ${detail}.`, type: 'BadRequest' });

/** By router, in a stable order. */
export async function portsOfRouters(
  store: Store,
  routers: readonly string[],
  kind?: RouterPort['kind'],
): Promise<ReadonlyMap<string, Port[]>> {
  if (routers.length === 0) return new Map();
  const links = await store.router_ports.list({ router_id: routers, ...(kind && { kind }) }, { orderBy: 'port_id' });
  const ports = await store.ports.list({ id: links.map(({ port_id }) => port_id) });
  const byId = new Map(ports.map((port) => [port.id, port]));
  const groups = Map.groupBy(links, ({ router_id }) => router_id);
  return new Map([...groups].map(([router, own]) => [router, own.flatMap(({ port_id }) => byId.get(port_id) ?? [])]));
}

/** Ports that belong to routers and floating IPs change with these only. @throws Fault `conflict` */
export async function refuseL3Port(store: Store, { id, device_owner }: Port): Promise<void> {
  const isOne =
    (await store.router_ports.find({ port_id: id })) ?? (await store.floating_ips.find({ floating_port_id: id })) ?? undefined;
  if (!isOne) return;
  const detail = `Port ${id} cannot be deleted directly via the port API: has device owner ${device_owner}.`;
  throw networkFault('ServicePortInUse', detail);
}

/** Ends a port with its router's interface or gateway, or its floating IP. @throws Fault `conflict` while a trunk has it */
export async function releaseL3Port(store: Store, id: string): Promise<void> {
  await refusePortOfTrunk(store, id);
  await releasePort(store, id);
}

/** @throws Fault `badRequest` if the router has a port on one of the subnets, or on one that overlaps it */
export async function refuseSubnetsTwice(store: Store, router: string, added: readonly Subnet[]): Promise<void> {
  const ports = (await portsOfRouters(store, [router])).get(router) ?? [];
  const used = new Set(ports.flatMap(({ fixed_ips }) => fixed_ips.map(({ subnet_id }) => subnet_id)));
  const twice = added.find(({ id }) => used.has(id));
  if (twice) throw refusedRouter(`Router already has a port on subnet ${twice.id}`);
  for (const subnet of await store.subnets.list({ id: [...used] })) {
    const other = added.find(({ cidr }) => overlapping(cidr, subnet.cidr));
    if (other)
      throw refusedRouter(`Cidr ${other.cidr} of subnet ${other.id} overlaps with cidr ${subnet.cidr} of subnet ${subnet.id}`);
  }
}

function overlapping(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  return a !== undefined && b !== undefined && a.version === b.version && overlap(a, b);
}

export function addressIsWithin(address: string, cidr: string): boolean {
  const [value, range] = [parseAddress(address), parseCidr(cidr)];
  return value !== undefined && range !== undefined && isIn(value, range);
}
