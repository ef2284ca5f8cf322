/** Which networks, subnets and ports a caller may see. Records that it may not see do not exist for it: 404. */
import { Fault } from '#domain/faults.ts';
import { anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';

type Reader = Pick<NetworkContext, 'store'>;

/** The networks of its project and the shared ones. */
export function visibleNetworks(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [anyOf(isEqual('project_id', caller.project_id), isEqual('shared', true))];
}

/** A subnet is visible if its network is. */
export function visibleSubnets(caller: Caller): Condition[] {
  const shared = isAmong('network_id', { table: 'networks', select: 'id', where: [isEqual('shared', true)] });
  return caller.is_admin ? [] : [anyOf(isEqual('project_id', caller.project_id), shared)];
}

export function visiblePorts(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [isEqual('project_id', caller.project_id)];
}

/** @throws Fault `notFound` */
export async function findNetwork({ store }: Reader, caller: Caller, id: string): Promise<Network> {
  const [network] = await store.networks.list([...visibleNetworks(caller), isEqual('id', id)]);
  if (!network) throw new Fault('notFound', { what: 'Network', id });
  return network;
}

/** @throws Fault `notFound` */
export async function findSubnet({ store }: Reader, caller: Caller, id: string): Promise<Subnet> {
  const [subnet] = await store.subnets.list([...visibleSubnets(caller), isEqual('id', id)]);
  if (!subnet) throw new Fault('notFound', { what: 'Subnet', id });
  return subnet;
}

/** @throws Fault `notFound` */
export async function findPort({ store }: Reader, caller: Caller, id: string): Promise<Port> {
  const [port] = await store.ports.list([...visiblePorts(caller), isEqual('id', id)]);
  if (!port) throw new Fault('notFound', { what: 'Port', id });
  return port;
}

/** The network of a port, whoever owns it. */
export async function networkOf({ store }: Reader, { id, network_id }: Port): Promise<Network> {
  const network = await store.networks.find({ id: network_id });
  if (!network) throw new Fault('notFound', { what: 'Port', id });
  return network;
}

type Owner = { project_id?: string | undefined; tenant_id?: string | undefined };

/** The project of a new record: the caller's, or any other for administrators. @throws Fault `forbidden` */
export function ownerOf(caller: Caller, { project_id, tenant_id }: Owner): string {
  const wanted = project_id ?? tenant_id ?? caller.project_id;
  if (wanted !== caller.project_id && !caller.is_admin)
    throw new Fault('forbidden', { detail: 'Only an administrator may create something for another project.' });
  return wanted;
}
