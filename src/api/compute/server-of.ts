/** The server that a request's path names. */
import type { FastifyRequest } from 'fastify';
import type { LockRight } from '#engine/contract.ts';
import { findServer, refuseLocked } from '#services/compute/servers.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { allows } from './policy.ts';

export type ServerRequest = FastifyRequest<{ Params: { id: string } }>;

/**
 * The rule of the route is checked again, of this server: an operator's check may compare its user.
 * @throws Fault `notFound`, also for a server of another project; `forbidden`
 */
export async function serverOf(request: ServerRequest, context: ApiContext): Promise<Server> {
  const server = await findServer(context, request.caller, request.params.id);
  const rule = request.row?.policy;
  if (typeof rule !== 'string') throw new Error(`${request.method} ${request.routeOptions.url} has no rule`);
  request.policy.authorize(request.caller, rule, targetOf(server));
  return server;
}

/** As `serverOf`, for what a lock forbids. The engine checks the lock again. @throws Fault `conflict` */
export async function unlockedServerOf(request: ServerRequest, context: ApiContext): Promise<{ server: Server; by: LockRight }> {
  const server = await serverOf(request, context);
  // As Nova's `check_instance_lock`: whoever may unlock it, the cloud's administrators alone change a locked server.
  const by = { overridesLock: allows(request, 'context_is_admin', targetOf(server)) };
  refuseLocked(server, by);
  return { server, by };
}

export function targetOf({ project_id, user_id }: Server): PolicyTarget {
  return { project_id, tenant_id: project_id, user_id };
}
