/** Looks up records by the id in a path. A record that the caller may not see is not found. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { owns } from '../http/authentication.ts';

/** Throws `notFound` also for deleted servers and for those of other projects. */
export async function findServer({ store }: ApiContext, { caller }: FastifyRequest, id: string): Promise<Server> {
  const server = await store.servers.find({ id });
  if (!server || server.vm_state === 'deleted' || !owns(caller, server)) throw new Fault('notFound', { what: 'Instance', id });
  return server;
}

/** As findServer, for changes: only administrators change a locked server. */
export async function findUnlockedServer(context: ApiContext, request: FastifyRequest, id: string): Promise<Server> {
  const server = await findServer(context, request, id);
  if (server.locked && !request.caller.is_admin) throw new Fault('conflict', { detail: `Instance ${id} is locked` });
  return server;
}

export async function findFlavor({ store }: ApiContext, { caller }: FastifyRequest, id: string): Promise<Flavor> {
  const flavor = await store.flavors.find({ id });
  if (!flavor || !(flavor.is_public || caller.is_admin)) throw new Fault('notFound', { what: 'Flavor', id });
  return flavor;
}
