/** Authentication: the X-Auth-Token of a request becomes `request.caller`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { readToken, recheck } from '#services/identity/validate-token.ts';
import type { ApiContext } from '../context.ts';

type TokenContext = Pick<ApiContext, 'store' | 'tokens'>;

/** An onRequest hook (before the body is read). An unscoped token has no roles; only the identity service accepts it. */
export function authenticate(context: TokenContext, options: { acceptsUnscoped: boolean }) {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers['x-auth-token'];
    const found = typeof token === 'string' ? await readToken(context, token) : undefined;
    if (!found || (found.payload.scope === null && !options.acceptsUnscoped)) throw new Fault('unauthorized');
    request.caller = found.caller;
    request.token = found.payload;
  };
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
