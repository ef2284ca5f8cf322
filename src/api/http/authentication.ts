/** Authentication and authorization: the X-Auth-Token of a request becomes `request.caller`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { readToken, recheck } from '#services/identity/validate-token.ts';
import type { ApiContext } from '../context.ts';

type TokenContext = Pick<ApiContext, 'store' | 'tokens'>;

export type ScopeType = 'system' | 'domain' | 'project' | 'unscoped';

/** An onRequest hook (before the body is read). @param scopes the scopes of tokens that the service accepts */
export function authenticate(context: TokenContext, scopes: readonly ScopeType[]) {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers['x-auth-token'];
    const found = typeof token === 'string' ? await readToken(context, token) : undefined;
    if (!found) throw new Fault('unauthorized');
    refuseScope(scopeOf(found.caller), scopes);
    if (!scopes.includes('unscoped') && request.routeOptions.config.policy === undefined)
      checkReader(found.caller, request.method);
    request.caller = found.caller;
    request.token = found.payload;
  };
}

function scopeOf({ system_scope, domain_id, project_id }: Caller): ScopeType {
  if (system_scope) return 'system';
  if (domain_id !== undefined) return 'domain';
  return project_id === '' ? 'unscoped' : 'project';
}

/** As services do with oslo.policy's `enforce_scope`; an unscoped token has no roles, and so no access at all. */
function refuseScope(scope: ScopeType, accepted: readonly ScopeType[]): void {
  if (accepted.includes(scope)) return;
  if (scope === 'unscoped') throw new Fault('unauthorized');
  const detail = `The scope of the token is the ${scope}; this service requires a token of scope ${accepted.join(' or ')}.`;
  throw new Fault('forbidden', { detail });
}

/** Milliseconds after which a request's authorization is checked again before the response. */
const slowMs = 1000;

/** A preSerialization hook: a caller who lost access while a request waited (`?wait=`) does not get its response. */
export function recheckSlowReads(context: TokenContext) {
  return async (request: FastifyRequest, reply: FastifyReply, answer: unknown): Promise<unknown> => {
    const isRead = request.method === 'GET' && request.token && reply.statusCode < 400;
    const isSlow = (request.query as { wait?: unknown }).wait !== undefined || reply.elapsedTime > slowMs;
    if (isRead && isSlow && !(await recheck(context, request.token))) throw new Fault('unauthorized');
    return answer;
  };
}

/** The role `reader` alone grants read access; only members change a project's resources. */
function checkReader(caller: Caller, method: string): void {
  if (method === 'GET' || method === 'HEAD' || caller.is_admin || caller.roles.includes('member')) return;
  throw new Fault('forbidden', { detail: 'The role reader does not permit changes; the role member is required.' });
}

/** Rejects all callers but administrators. @param action the policy rule's name, for the message */
export function requireAdmin(request: FastifyRequest, action: string): void {
  if (!request.caller.is_admin) throw new Fault('forbidden', { detail: `Policy doesn't allow ${action} to be performed.` });
}

/** True if the record belongs to the caller's project, or the caller is an administrator. */
export function owns(caller: Caller, record: { project_id: string }): boolean {
  return caller.is_admin || record.project_id === caller.project_id;
}
