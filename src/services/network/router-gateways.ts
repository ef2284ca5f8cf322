/** The external gateway of a router: a port on an external network, which belongs to no project. */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#domain/faults.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { allocatePort, readdressPort } from '#engine/servers/addresses.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Router } from '#store/tables/routers.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { gatewayOwner, portsOfRouters, refusedRouter, refuseSubnetsTwice, releaseL3Port } from './router-ports.ts';
import { findNetwork } from './visibility.ts';

type ExternalIp = { readonly subnet_id?: string; readonly ip_address?: string };
export type GatewayInfo = {
  /** Absent: no gateway. */
  readonly network_id?: string;
  readonly enable_snat?: boolean;
  readonly external_fixed_ips?: readonly ExternalIp[];
};

/** Call in a transaction. @throws Fault `badRequest`, `notFound`, `conflict`, and as `allocatePort` */
export async function setGateway(
  context: NetworkContext,
  caller: Caller,
  router: Router,
  info: GatewayInfo | null,
): Promise<void> {
  const { store } = context;
  const network_id = info?.network_id;
  refuseOddGateway(info ?? {});
  const current = (await portsOfRouters(store, [router.id], 'gateway')).get(router.id)?.[0];
  const addresses = info?.external_fixed_ips ?? [];
  if (network_id !== undefined) await refuseGateway(context, caller, network_id, addresses);
  await store.routers.update({ id: router.id }, { enable_snat: info?.enable_snat ?? true, updated_at: new Date().toISOString() });
  const stays = current !== undefined && current.network_id === network_id;
  if (stays && !isOther(current, addresses)) return;
  if (stays) {
    await readdressPort(store, current, { fixed_ips: addresses, reserved: siteRanges(context.settings) });
    return;
  }
  if (current) await removeGateway(context, router.id, current);
  if (network_id !== undefined) await addGateway(context, router.id, { network_id, addresses });
}

/** What is not empty names a network. */
function refuseOddGateway(info: GatewayInfo): void {
  const { network_id } = info;
  const given = Object.keys(info).map((name) => `'${name}'`);
  const reason =
    network_id === undefined
      ? given.length > 0 &&
        `Validation of dictionary's keys failed. Expected keys: {'network_id'} Provided keys: {${given.join(', ')}}`
      : !isUuidLike(network_id) && `'${network_id}' is not a valid UUID`;
  if (reason)
    throw new Fault('badRequest', {
      detail: `Invalid input for external_gateway_info. Reason: ${reason}.`,
      type: 'HTTPBadRequest',
    });
}

async function refuseGateway(context: NetworkContext, caller: Caller, id: string, addresses: readonly ExternalIp[]) {
  const network = await findNetwork(context, caller, id);
  if (!network.external) throw refusedRouter(`Network ${id} is not an external network`);
  const gateways = new Set((await context.store.subnets.pick(['gateway_ip'], { network_id: id })).map((each) => each.gateway_ip));
  const taken = addresses.find(({ ip_address }) => ip_address !== undefined && gateways.has(ip_address));
  if (taken) throw refusedRouter(`External IP ${taken.ip_address} is the same as the gateway IP`);
}

/** As Neutron compares: what a client sends back as it was read is no change. */
function isOther({ fixed_ips }: Port, wanted: readonly ExternalIp[]): boolean {
  if (wanted.length === 0) return false;
  const setOf = (values: readonly (string | undefined)[]) => [...new Set(values.filter(Boolean))].sort();
  const has = { subnets: setOf(fixed_ips.map((ip) => ip.subnet_id)), addresses: setOf(fixed_ips.map((ip) => ip.ip_address)) };
  const asked = { subnets: setOf(wanted.map((ip) => ip.subnet_id)), addresses: setOf(wanted.map((ip) => ip.ip_address)) };
  return !isDeepStrictEqual(has, asked);
}

async function removeGateway({ store }: NetworkContext, router_id: string, port: Port): Promise<void> {
  if ((await store.floating_ips.count({ router_id })) > 0) {
    const detail =
      `Gateway cannot be updated for router ${router_id}, since a gateway to external network ` +
      `${port.network_id} is required by one or more floating IPs.`;
    throw networkFault('RouterExternalGatewayInUseByFloatingIp', detail);
  }
  await releaseL3Port(store, port.id);
}

async function addGateway(
  { store, settings }: NetworkContext,
  router_id: string,
  { network_id, addresses }: { network_id: string; addresses: readonly ExternalIp[] },
): Promise<void> {
  const network = await store.networks.find({ id: network_id });
  if (!network) throw new Fault('notFound', { what: 'Network', id: network_id });
  await refuseSubnetsTwice(store, router_id, await store.subnets.list({ network_id }));
  const port = await allocatePort(store, {
    network,
    project_id: '',
    device_id: router_id,
    device_owner: gatewayOwner,
    reserved: siteRanges(settings),
    ...(addresses.length > 0 && { fixed_ips: addresses }),
  });
  await store.router_ports.insert({ port_id: port.id, router_id, kind: 'gateway' });
}
