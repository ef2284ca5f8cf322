/** A request as the login limits count it. */
import type { FastifyRequest } from 'fastify';
import type { LoginClient } from '#services/identity/login-guard.ts';
import { clientNetwork } from '../http/client-address.ts';

export function loginClientOf(request: FastifyRequest): LoginClient {
  return { address: clientNetwork(request), log: request.log, isGone: () => request.socket.destroyed };
}
