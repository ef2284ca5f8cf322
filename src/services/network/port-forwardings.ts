/** Port forwardings: ports of a floating IP that lead to ports of an address (neutron/services/portforwarding). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { parseAddress } from '#domain/ip-addresses.ts';
import { removeForwardings } from '#engine/servers/addresses.ts';
import { isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { FloatingIp, PortForwarding } from '#store/tables/floating-ips.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { routerFor } from './floating-ips.ts';
import { visiblePorts } from './visibility.ts';

/** Neutron has no limit; each port of a range may be a rule of its own. */
export const mostForwardings = 100;
export const longestRange = 1000;

/** `FIRST:LAST`, a port as text or a number. */
type PortText = string | number | null | undefined;
export type ForwardingChanges = {
  readonly external_port?: PortText;
  readonly external_port_range?: PortText;
  readonly internal_port?: PortText;
  readonly internal_port_range?: PortText;
  readonly internal_port_id?: string | undefined;
  readonly internal_ip_address?: string | undefined;
  readonly protocol?: string | undefined;
  readonly description?: string | undefined;
};

type Range = { readonly first: number; readonly last: number };

export const missingForwarding = (id: string): Fault =>
  networkFault('PortForwardingNotFound', `Port Forwarding ${id} could not be found.`);

const refused = (detail: string): Fault =>
  new Fault('badRequest', { detail: `Bad port_forwarding request: ${detail}.`, type: 'BadRequest' });

/** Call in a transaction. @throws Fault `badRequest`, `notFound`, `conflict` */
export async function createForwarding(
  { store }: NetworkContext,
  caller: Caller,
  { floating, request }: { floating: FloatingIp; request: ForwardingChanges },
): Promise<PortForwarding> {
  const id = randomUUID();
  const target = await targetOf(store, caller, {
    floating,
    id: request.internal_port_id ?? '',
    address: request.internal_ip_address,
  });
  if (floating.fixed_port_id) throw alreadyAssociated(floating, target);
  if ((await store.port_forwardings.count({ floatingip_id: floating.id })) >= mostForwardings)
    throw new Fault('overQuota', { what: 'port_forwarding' });
  const [external, internal] = [externalOf(request), internalOf(request)];
  if (!external || !internal) throw refused('external_port or external_port_range, and the internal ones, must be specified');
  const now = new Date().toISOString();
  const forwarding = {
    id,
    project_id: floating.project_id,
    description: request.description ?? '',
    floatingip_id: floating.id,
    protocol: request.protocol ?? '',
    ...target,
    ...columnsOf(external, internal),
    created_at: now,
    updated_at: now,
  };
  await refuseCollision(store, forwarding);
  const router_id = await routerOfTarget(store, floating, target);
  await store.floating_ips.update({ id: floating.id }, { router_id, updated_at: now });
  return store.port_forwardings.insert(forwarding);
}

export async function updateForwarding(
  { store }: NetworkContext,
  caller: Caller,
  { floating, row, request }: { floating: FloatingIp; row: PortForwarding; request: ForwardingChanges },
): Promise<PortForwarding> {
  const moves = request.internal_port_id !== undefined || request.internal_ip_address !== undefined;
  const id = request.internal_port_id ?? row.internal_port_id;
  const sameAddress = request.internal_port_id === undefined ? row.internal_ip_address : undefined;
  const address = request.internal_ip_address ?? sameAddress;
  const target = moves ? await targetOf(store, caller, { floating, id, address }) : undefined;
  const [external, internal] = [externalOf(request), internalOf(request)];
  const changed: PortForwarding = {
    ...row,
    ...target,
    ...columnsOf(
      external ?? { first: row.external_first, last: row.external_last },
      internal ?? { first: row.internal_first, last: row.internal_last },
    ),
    protocol: request.protocol ?? row.protocol,
    description: request.description ?? row.description,
    updated_at: new Date().toISOString(),
  };
  await refuseCollision(store, changed);
  if (target) await routerOfTarget(store, floating, target);
  await store.port_forwardings.update({ id: row.id }, changed);
  await store.floating_ips.revise(floating.id);
  return changed;
}

export async function deleteForwarding({ store }: NetworkContext, { id }: PortForwarding): Promise<void> {
  await removeForwardings(store, { id });
}

/** Those to addresses that a changed port no longer has. */
export async function removeOfOthers(store: Store, { id, fixed_ips }: Port): Promise<void> {
  const has = new Set(fixed_ips.map(({ ip_address }) => ip_address));
  const all = await store.port_forwardings.pick(['internal_ip_address'], { internal_port_id: id });
  const gone = all.map((each) => each.internal_ip_address).filter((address) => !has.has(address));
  if (gone.length > 0) await removeForwardings(store, { internal_port_id: id, internal_ip_address: gone });
}

function alreadyAssociated(floating: FloatingIp, { internal_port_id, internal_ip_address }: Target): Fault {
  const detail =
    `Cannot associate floating IP ${floating.floating_ip_address} (${floating.id}) with port ${internal_port_id} using ` +
    `fixed IP ${internal_ip_address}, as that fixed IP already has a floating IP on external network ` +
    `${floating.floating_network_id}.`;
  return networkFault('FloatingIPPortAlreadyAssociated', detail);
}

type Target = Pick<PortForwarding, 'internal_port_id' | 'internal_ip_address'>;
type Wanted = { readonly floating: FloatingIp; readonly id: string; readonly address: string | undefined };

/** The port must be of the caller, and of the floating IP's project unless an administrator asks. */
async function targetOf(store: Store, caller: Caller, { floating, id, address }: Wanted): Promise<Target> {
  const [port] = await store.ports.list([...visiblePorts(caller), isEqual('id', id)]);
  if (!port || (port.project_id !== floating.project_id && !caller.is_admin)) throw new Fault('notFound', { what: 'Port', id });
  const [binding] = await store.floating_ips.pick(['id', 'floating_ip_address'], { fixed_port_id: id });
  if (binding) {
    const detail =
      `Cannot create port forwarding to floating IP ${binding.floating_ip_address} (${binding.id}) with port ${id} using ` +
      `fixed IP ${address ?? ''}, as that port already has a binding floating IP.`;
    throw networkFault('PortHasBindingFloatingIP', detail);
  }
  if (port.device_owner.startsWith('network:')) throw refused(`Port ${id} is unable to be assigned a port forwarding`);
  const v4 = port.fixed_ips.filter(({ ip_address }) => parseAddress(ip_address)?.version === 4);
  if (v4.length === 0) throw refused(`Requested internal port ${id} must allocate an IPv4 address at least`);
  const chosen = address === undefined ? v4[0] : v4.find(({ ip_address }) => ip_address === address);
  if (chosen) return { internal_port_id: id, internal_ip_address: chosen.ip_address };
  const shown = v4.map((ip) => `{'subnet_id': '${ip.subnet_id}', 'ip_address': '${ip.ip_address}'}`).join(', ');
  const reason = `is not suitable for internal neutron port ${id}, as its fixed_ips are [${shown}]`;
  throw refused(`Requested internal IP address ${address} ${reason}`);
}

async function routerOfTarget(store: Store, floating: FloatingIp, target: Target): Promise<string> {
  const port = await store.ports.find({ id: target.internal_port_id });
  const subnet_id = port?.fixed_ips.find(({ ip_address }) => ip_address === target.internal_ip_address)?.subnet_id;
  if (!port || !subnet_id) throw new Fault('notFound', { what: 'Port', id: target.internal_port_id });
  const network_id = floating.floating_network_id;
  const router = await routerFor(store, { port, subnet_id, network_id }).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    const path = `External network ${network_id} is not reachable from subnet ${subnet_id}`;
    throw refused(`${path}. Cannot set Port forwarding for port ${port.id} with Floating IP ${floating.id}`);
  });
  if (floating.router_id === null || floating.router_id === router) return router;
  const reason = `the internal Neutron port ${port.id} can not reach it`;
  throw refused(`The Floating IP ${floating.id} had been set on router ${floating.router_id}, ${reason}`);
}

const externalOf = (request: ForwardingChanges) => rangeOf(request.external_port_range ?? request.external_port);
const internalOf = (request: ForwardingChanges) => rangeOf(request.internal_port_range ?? request.internal_port);

function rangeOf(text: PortText): Range | undefined {
  if (text === undefined || text === null) return undefined;
  const [, from, to = from] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(String(text)) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first >= 1 && last <= 65535 && first <= last) return { first, last };
  throw refused('Invalid port value, the port value must be a value between 1 and 65535');
}

function columnsOf(external: Range, internal: Range) {
  const [outside, inside] = [external.last - external.first, internal.last - internal.first];
  if (inside > 0 && inside !== outside) {
    const relation = 'The relation between internal and external ports must be N-N or 1-N';
    throw refused(`Invalid ranges of internal and/or external ports. ${relation}`);
  }
  if (outside >= longestRange) throw refused(`A range has at most ${longestRange} ports`);
  return {
    external_first: external.first,
    external_last: external.last,
    internal_first: internal.first,
    internal_last: internal.last,
  };
}

/** Ports of one protocol are forwarded once: on the outside, and to the inside. */
async function refuseCollision(store: Store, forwarding: PortForwarding | Omit<PortForwarding, 'tags' | 'revision_number'>) {
  const { id, protocol, floatingip_id, internal_port_id, internal_ip_address } = forwarding;
  for (const [side, where] of [
    ['internal', { internal_port_id, protocol, internal_ip_address }],
    ['external', { floatingip_id, protocol }],
  ] as const) {
    const range = { first: forwarding[`${side}_first`], last: forwarding[`${side}_last`] };
    for (const other of await store.port_forwardings.list(where)) {
      const existing = { first: other[`${side}_first`], last: other[`${side}_last`] };
      if (other.id === id || range.last < existing.first || existing.last < range.first) continue;
      const ranges = `${existing.first}:${existing.last} and ${range.first}:${range.last}`;
      throw refused(`There is a port collision with the ${side}_port_range. The following ranges collide: ${ranges}`);
    }
  }
}
