/** Who changes a server, for the services' functions. */
import type { FastifyRequest } from 'fastify';
import type { Changer } from '#services/compute/servers.ts';
import { allows } from './policy.ts';

export function changerOf(request: FastifyRequest): Changer {
  return { caller: request.caller, overridesLock: allows(request, 'os_compute_api:os-lock-server:unlock:unlock_override') };
}
