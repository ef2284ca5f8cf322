/** Ownership of new records, and access to existing ones. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import type { ApiContext } from '../context.ts';
import { owns } from '../http/authentication.ts';

type Owned = { id: string; project_id: string };

/** The project of a new record: the caller's, or any other for administrators. */
export function ownerOf(request: FastifyRequest, fields: { project_id?: string; tenant_id?: string }): string {
  const wanted = fields.project_id ?? fields.tenant_id ?? request.caller.project_id;
  if (wanted !== request.caller.project_id && !request.caller.is_admin)
    throw new Fault('forbidden', { detail: 'Only an administrator may create something for another project.' });
  return wanted;
}

/** What a caller may see: all of its project's records, and shared networks with their subnets. */
export function visibleNetworks(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [anyOf(isEqual('project_id', caller.project_id), isEqual('shared', true))];
}

export function visibleSubnets(caller: Caller): Condition[] {
  const shared = isAmong('network_id', { table: 'networks', select: 'id', where: [isEqual('shared', true)] });
  return caller.is_admin ? [] : [anyOf(isEqual('project_id', caller.project_id), shared)];
}

export function visiblePorts(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [isEqual('project_id', caller.project_id)];
}

/** Per project: lists are read as a whole, and a new subnet is compared with all others. */
export const mostEach = 1000;

export function refuseMore(request: FastifyRequest, what: 'network' | 'subnet', own: readonly object[]): void {
  if (own.length >= mostEach && !request.caller.is_admin) throw new Fault('overQuota', { what });
}

export async function seeNetwork(context: ApiContext, request: FastifyRequest, id: string): Promise<Network> {
  const network = await context.store.networks.find({ id });
  if (!network || !(network.shared || owns(request.caller, network))) throw new Fault('notFound', { what: 'Network', id });
  return network;
}

/** A subnet is visible if its network is. */
export async function seeSubnet(context: ApiContext, request: FastifyRequest, id: string): Promise<Subnet> {
  const subnet = await context.store.subnets.find({ id });
  const network = subnet && (await context.store.networks.find({ id: subnet.network_id }));
  if (!subnet || !(network?.shared || owns(request.caller, subnet))) throw new Fault('notFound', { what: 'Subnet', id });
  return subnet;
}

export async function seePort(context: ApiContext, request: FastifyRequest, id: string): Promise<Port> {
  const port = await context.store.ports.find({ id });
  if (!port || !owns(request.caller, port)) throw new Fault('notFound', { what: 'Port', id });
  return port;
}

/** Shared records are visible to all and changed by their owner only. */
export function checkOwner(request: FastifyRequest, record: Owned): void {
  if (!owns(request.caller, record)) throw new Fault('forbidden', { detail: `${record.id} belongs to another project.` });
}
