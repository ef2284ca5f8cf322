/** Floating IPs: addresses of external networks that a router translates (neutron/db/l3_db.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { parseAddress } from '#domain/ip-addresses.ts';
import { siteRanges } from '#domain/reserved-addresses.ts';
import { allocatePort } from '#engine/servers/addresses.ts';
import { isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { FloatingIp } from '#store/tables/floating-ips.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { readDnsOfFloatingIp } from './dns-names.ts';
import { networkFault } from './errors.ts';
import { changedQosPolicy, qosPolicyFor } from './qos-policies.ts';
import { refuseOver } from './quotas.ts';
import { floatingOwner, interfaceOwner, portsOfRouters, releaseL3Port } from './router-ports.ts';
import { findNetwork, ownerOf, visiblePorts } from './visibility.ts';

export type FloatingIpChanges = {
  readonly description?: string | undefined;
  /** null: none. */
  readonly port_id?: string | null | undefined;
  readonly fixed_ip_address?: string | null | undefined;
  readonly qos_policy_id?: string | null | undefined;
};
export type NewFloatingIp = FloatingIpChanges & {
  readonly floating_network_id: string;
  readonly dns_name?: string | undefined;
  readonly dns_domain?: string | undefined;
  readonly floating_ip_address?: string | null | undefined;
  readonly subnet_id?: string | null | undefined;
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};

export const missingFloatingIp = (id: string): Fault =>
  networkFault('FloatingIPNotFound', `Floating IP ${id} could not be found`);

const refused = (detail: string): Fault =>
  new Fault('badRequest', { detail: `Bad floatingip request: ${detail}.`, type: 'BadRequest' });

/** @throws Fault `badRequest`, `overQuota`, `conflict`, and as `allocatePort` */
export async function createFloatingIp(context: NetworkContext, caller: Caller, request: NewFloatingIp): Promise<FloatingIp> {
  const project_id = ownerOf(caller, request);
  const names = readDnsOfFloatingIp(request);
  return context.store.transaction(async (trx) => {
    const inside = { ...context, store: trx };
    const network = await findNetwork(inside, caller, request.floating_network_id);
    if (!network.external) throw refused(`Network ${network.id} is not a valid external network`);
    if ((await trx.subnets.count({ network_id: network.id, ip_version: 4 })) === 0)
      throw refused(`Network ${network.id} does not contain any IPv4 subnet`);
    await refuseOver(trx, 'floatingip', { project_id });
    const id = randomUUID();
    const port = await allocatePort(trx, {
      network,
      project_id: '',
      fixed_ips: [wantedOf(request)],
      device_id: id,
      device_owner: floatingOwner,
      reserved: siteRanges(context.settings),
    });
    const address = port.fixed_ips[0]?.ip_address ?? '';
    if (parseAddress(address)?.version !== 4) throw refused(`${address} is not an IPv4 address`);
    const now = new Date().toISOString();
    const made = await trx.floating_ips.insert({
      id,
      project_id,
      description: request.description ?? '',
      floating_network_id: network.id,
      floating_ip_address: address,
      floating_port_id: port.id,
      fixed_port_id: null,
      fixed_ip_address: null,
      router_id: null,
      status: 'DOWN',
      ...names,
      qos_policy_id: await qosPolicyFor(trx, caller, request),
      created_at: now,
      updated_at: now,
    });
    const association = await associationOf(inside, caller, made, request);
    if (association.fixed_port_id === null) return made;
    await trx.floating_ips.update({ id }, association);
    return { ...made, ...association };
  });
}

function wantedOf({ subnet_id, floating_ip_address }: NewFloatingIp) {
  return {
    version: 4 as const,
    ...(floating_ip_address && { ip_address: floating_ip_address }),
    ...(subnet_id && { subnet_id }),
  };
}

type Association = Pick<FloatingIp, 'fixed_port_id' | 'fixed_ip_address' | 'router_id'>;

/** @throws Fault `badRequest`, `notFound`, `missing`, `conflict` */
export async function updateFloatingIp(
  context: NetworkContext,
  caller: Caller,
  { row, request }: { row: FloatingIp; request: FloatingIpChanges },
): Promise<void> {
  await context.store.transaction(async (trx) => {
    const current = (await trx.floating_ips.find({ id: row.id })) ?? row;
    const association = await associationOf({ ...context, store: trx }, caller, current, request);
    const isForwarding = (await trx.port_forwardings.count({ floatingip_id: row.id })) > 0;
    if (request.port_id && isForwarding) throw inUse(row.id);
    const isSame = association.fixed_ip_address === current.fixed_ip_address && association.router_id === current.router_id;
    await trx.floating_ips.update(
      { id: row.id },
      {
        ...(isForwarding ? {} : association),
        ...(!isForwarding && !isSame && { status: 'DOWN' }),
        description: request.description ?? current.description,
        qos_policy_id: await changedQosPolicy(trx, caller, { current: current.qos_policy_id, request }),
        updated_at: new Date().toISOString(),
      },
    );
  });
}

const inUse = (id: string) => networkFault('FipInUseByPortForwarding', `Floating IP ${id} in use by Port Forwarding resources.`);

async function associationOf(
  context: NetworkContext,
  caller: Caller,
  floating: FloatingIp,
  { port_id, fixed_ip_address }: FloatingIpChanges,
): Promise<Association> {
  // What stays is not checked again: an administrator may have led it where the caller sees nothing.
  if (port_id === undefined && !fixed_ip_address) return currentOf(floating);
  const id = port_id === undefined ? floating.fixed_port_id : port_id;
  if (fixed_ip_address && !port_id && !(port_id === undefined && id))
    throw refused('fixed_ip_address cannot be specified without a port_id');
  if (!id) return { fixed_port_id: null, fixed_ip_address: null, router_id: null };
  const { store } = context;
  const [port] = await store.ports.list([...visiblePorts(caller), isEqual('id', id)]);
  if (!port) throw new Fault('notFound', { what: 'Port', id });
  if (port.project_id !== floating.project_id && !caller.is_admin)
    throw refused(`Cannot process floating IP association with Port ${id}, since that port is owned by a different project`);
  const fixed = chooseFixed(port, fixed_ip_address ?? undefined);
  const router_id = await routerFor(store, { port, subnet_id: fixed.subnet_id, network_id: floating.floating_network_id });
  const others = await store.floating_ips.list({ fixed_port_id: id, fixed_ip_address: fixed.ip_address });
  if (others.some((other) => other.id !== floating.id && other.floating_network_id === floating.floating_network_id)) {
    const detail =
      `Cannot associate floating IP ${floating.floating_ip_address} (${floating.id}) with port ${id} using fixed IP ` +
      `${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${floating.floating_network_id}.`;
    throw networkFault('FloatingIPPortAlreadyAssociated', detail);
  }
  return { fixed_port_id: id, fixed_ip_address: fixed.ip_address, router_id };
}

function currentOf({ fixed_port_id, fixed_ip_address, router_id }: FloatingIp): Association {
  return { fixed_port_id, fixed_ip_address, router_id };
}

function chooseFixed({ id, fixed_ips, device_owner }: Port, wanted: string | undefined): Port['fixed_ips'][number] {
  if (device_owner.startsWith('network:')) throw refused(`Port ${id} is unable to be assigned a floating IP`);
  if (wanted !== undefined) {
    if (parseAddress(wanted)?.version !== 4)
      throw refused(`Cannot process floating IP association with ${wanted}, since that is not an IPv4 address`);
    const fixed = fixed_ips.find(({ ip_address }) => ip_address === wanted);
    if (!fixed) throw refused(`Port ${id} does not have fixed ip ${wanted}`);
    return fixed;
  }
  const [first, second] = fixed_ips.filter(({ ip_address }) => parseAddress(ip_address)?.version === 4);
  if (!first) throw refused(`Cannot add floating IP to port ${id} that has no fixed IPv4 addresses`);
  if (!second) return first;
  throw refused(
    `Port ${id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
  );
}

type Path = { readonly port: Port; readonly subnet_id: string; readonly network_id: string };

/** The router between a port's subnet and an external network: that with the subnet's gateway, or any. @throws Fault `missing` */
export async function routerFor(store: Store, { port, subnet_id, network_id }: Path): Promise<string> {
  const subnet = await store.subnets.find({ id: subnet_id });
  const owned = await store.ports.list({ network_id: port.network_id, device_owner: interfaceOwner }, { orderBy: 'created_at' });
  const candidates = owned.filter(({ fixed_ips }) => fixed_ips.some((ip) => ip.subnet_id === subnet_id));
  const links = candidates.length === 0 ? [] : await store.router_ports.list({ port_id: candidates.map(({ id }) => id) });
  const gateways = await portsOfRouters(
    store,
    links.map(({ router_id }) => router_id),
    'gateway',
  );
  const fitting = candidates.flatMap((candidate) => {
    const router = links.find(({ port_id }) => port_id === candidate.id)?.router_id ?? '';
    return gateways.get(router)?.[0]?.network_id === network_id ? [{ router, candidate }] : [];
  });
  const best = fitting.find((each) => each.candidate.fixed_ips.some((ip) => ip.ip_address === subnet?.gateway_ip)) ?? fitting[0];
  if (best) return best.router;
  const detail =
    `External network ${network_id} is not reachable from subnet ${subnet_id}.  Therefore, cannot associate ` +
    `Port ${port.id} with a Floating IP.`;
  throw networkFault('ExternalGatewayForFloatingIPNotFound', detail);
}

/** @throws Fault `conflict` while it has port forwardings */
export async function deleteFloatingIp({ store }: NetworkContext, { id, floating_port_id }: FloatingIp): Promise<void> {
  await store.transaction(async (trx) => {
    if ((await trx.port_forwardings.count({ floatingip_id: id })) > 0) throw inUse(id);
    await releaseL3Port(trx, floating_port_id);
    await trx.floating_ips.remove({ id });
  });
}

/** The addresses that floating IPs lead to stay. @throws Fault `badRequest` */
export async function refuseFloatingChange(
  store: Store,
  { id }: Port,
  wanted: readonly { ip_address?: string }[],
): Promise<void> {
  const floating = await store.floating_ips.pick(['fixed_ip_address'], { fixed_port_id: id });
  const kept = new Set(wanted.map(({ ip_address }) => ip_address));
  if (floating.every(({ fixed_ip_address }) => fixed_ip_address === null || kept.has(fixed_ip_address))) return;
  const reason = 'because its original fixed_ip has been associated to a floating ip';
  throw new Fault('badRequest', {
    detail: `Bad port request: Cannot update the fixed_ips of the port ${id}, ${reason}.`,
    type: 'BadRequest',
  });
}
