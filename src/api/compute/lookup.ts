/** Records by the id in a path, as far as the caller may see them; everything else does not exist for him. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Flavor, Server } from '#domain/records.ts';
import { owns } from '../authentication.ts';
import type { ApiContext } from '../context.ts';

/** Throws `notFound` also for deleted servers and for those of other projects. */
export async function findServer({ store }: ApiContext, { caller }: FastifyRequest, id: string): Promise<Server> {
  const server = await store.servers.find({ id });
  if (!server || server.vm_state === 'deleted' || !owns(caller, server)) throw new Fault('notFound', { what: 'Instance', id });
  return server;
}

/** As findServer, for changes: a locked server is changed by administrators only. */
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
