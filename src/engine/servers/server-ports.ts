/**
 * Networks and ports of a server belong to users, who may change or delete them during an operation. Each use therefore
 * checks them again with the rights of the server's project.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Server } from '#store/tables/servers.ts';
import type { RequestedNetwork } from '../contract.ts';
import type { BaseRequest } from '../worker/base-context.ts';
import { userOf } from '../worker/operation-images.ts';

/** @throws Fault `conflict` with the network or port that the project may no longer use, before anything is bound */
export async function checkRequestedNetworks(store: Store, operation: { request: BaseRequest }, server: Server): Promise<void> {
  const requested = (server.requested_networks ?? []) as RequestedNetwork[];
  const user = userOf(operation, server);
  for (const { network_id, port_id } of requested.slice(server.port_ids.length)) {
    const isUsable = port_id ? await mayUsePort(store, port_id, user) : await mayUseNetwork(store, network_id ?? '', user);
    if (isUsable) continue;
    const what = port_id ? `Port ${port_id}` : `Network ${network_id}`;
    throw new Fault('conflict', {
      detail: `${what} was deleted, or taken from the server's project, since the server was requested.`,
    });
  }
}

type User = ReturnType<typeof userOf>;

async function mayUseNetwork(store: Store, id: string, user: User): Promise<boolean> {
  if (user.is_admin) return (await store.networks.find({ id })) !== undefined;
  return store.networks.isUsableBy(id, user.project_id);
}

async function mayUsePort(store: Store, id: string, user: User): Promise<boolean> {
  const port = await store.ports.find({ id });
  return port !== undefined && (user.is_admin || port.project_id === user.project_id);
}

/** The ports that still belong to the server, in its order, without those deleted or moved to another device. */
export async function portsOfServer(store: Store, { id, port_ids }: Pick<Server, 'id' | 'port_ids'>): Promise<Port[]> {
  const ports = port_ids.length ? await store.ports.list({ id: port_ids, device_id: id }) : [];
  return ports.sort((a, b) => port_ids.indexOf(a.id) - port_ids.indexOf(b.id));
}

/** For a deployment, whose ports were bound minutes ago. @throws Fault `conflict` with the port that was removed */
export async function refuseLostPorts(store: Store, operation: Pick<Operation, 'kind'>, server: Server): Promise<void> {
  if (operation.kind !== 'deploy') return;
  const own = new Set((await portsOfServer(store, server)).map(({ id }) => id));
  const lost = server.port_ids.find((id) => !own.has(id));
  if (!lost) return;
  const detail = `Port ${lost} was deleted or given to another device while server ${server.id} was being deployed.`;
  throw new Fault('conflict', { detail });
}
