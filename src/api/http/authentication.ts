/** Authentication: the X-Auth-Token of a request, or its name and secret, becomes `request.caller`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { isPermitted } from '#services/identity/access-rules.ts';
import type { BasicLogins } from '#services/identity/basic-logins.ts';
import type { ApiContext } from '../context.ts';
import { loginClientOf } from '../identity/login-client.ts';
import { namedSecretIn } from './basic-authorization.ts';
import type { ServiceName } from './fault-replies.ts';

type TokenContext = Pick<ApiContext, 'callers'>;

type Options = {
  /** Its type in the catalogue, which access rules name. */
  readonly service: ServiceName;
  readonly acceptsUnscoped: boolean;
  /** Set where a name and a secret do instead of a token. */
  readonly basic?: BasicLogins | undefined;
};

/** An onRequest hook (before the body is read). An unscoped token has no roles; only the identity service accepts it. */
export function authenticate(context: TokenContext, options: Options) {
  return async (request: FastifyRequest): Promise<void> => {
    const { 'x-auth-token': token, 'x-service-token': ofService } = request.headers as Readonly<Record<string, string>>;
    const found = token === undefined ? await readBasic(request, options) : await context.callers.read(token, ofService);
    if (!found || (found.payload.scope === null && !options.acceptsUnscoped)) throw new Fault('unauthorized');
    refuseOtherRequests(request, found.caller, options.service);
    request.caller = found.caller;
    request.token = found.payload;
  };
}

/** @throws Fault `unauthorized`, as keystonemiddleware does for what the access rules of an application credential leave out */
function refuseOtherRequests({ method, url }: FastifyRequest, { access_rules }: Caller, service: ServiceName): void {
  // The router ends a path at either.
  const [path = ''] = url.split(/[?#]/, 1);
  if (access_rules && !isPermitted(access_rules, { service, method, path })) throw new Fault('unauthorized');
}

async function readBasic(request: FastifyRequest, { basic }: Options) {
  const given = basic && namedSecretIn(request.headers.authorization);
  return given && basic.read(loginClientOf(request), given);
}

/** Milliseconds after which a request's authorization is checked again before the response. */
const slowMs = 1000;

/** A preSerialization hook: a caller who lost access while a request waited (`?wait=`) does not get its response. */
export function recheckSlowReads(context: TokenContext) {
  return async (request: FastifyRequest, reply: FastifyReply, answer: unknown): Promise<unknown> => {
    const isRead = request.method === 'GET' && request.token && reply.statusCode < 400;
    const isSlow = (request.query as { wait?: unknown }).wait !== undefined || reply.elapsedTime > slowMs;
    if (isRead && isSlow && !(await context.callers.recheck(request.token))) throw new Fault('unauthorized');
    return answer;
  };
}
