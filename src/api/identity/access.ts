/** Who may read what belongs to the whole cloud. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '#services/caller.ts';
import { requireAdmin } from '../http/authentication.ts';

/** Administrators, and readers of the system. @param action the policy rule's name, for the message */
export function requireReader(request: FastifyRequest, action: string): void {
  if (!isSystemReader(request.caller)) requireAdmin(request, action);
}

export function isSystemReader({ system_scope, roles }: Caller): boolean {
  return system_scope === 'all' && roles.includes('reader');
}
