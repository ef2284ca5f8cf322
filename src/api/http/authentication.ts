/** Authentication and authorization: the X-Auth-Token of a request becomes `request.caller`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { included, rolesIn } from '#services/identity/roles.ts';
import type { TokenPayload } from '#services/identity/tokens.ts';
import type { RoleName } from '#store/tables/role-assignments.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext } from '../context.ts';

type TokenContext = Pick<ApiContext, 'store' | 'tokens'>;

/** An onRequest hook (before the body is read). `needsProject` rejects tokens without a project. */
export function authenticate(context: ApiContext, options: { needsProject: boolean }) {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers['x-auth-token'];
    const found = typeof token === 'string' ? await readToken(context, token) : undefined;
    const caller = found?.caller;
    if (!found || !caller || (options.needsProject && caller.project_id === '')) throw new Fault('unauthorized');
    if (options.needsProject && request.routeOptions.config.policy === undefined) checkReader(caller, request.method);
    request.caller = caller;
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

/** The role `reader` alone grants read access; only members change a project's resources. */
function checkReader(caller: Caller, method: string): void {
  if (method === 'GET' || method === 'HEAD' || caller.is_admin || caller.roles.includes('member')) return;
  throw new Fault('forbidden', { detail: 'The role reader does not permit changes; the role member is required.' });
}

/** A token's payload and its caller; undefined for an invalid, expired or revoked token. */
export async function readToken(
  context: TokenContext,
  token: string,
): Promise<{ payload: TokenPayload; caller: Caller } | undefined> {
  const payload = await context.tokens.verify(token);
  const caller = payload && (await callerOf(context, payload));
  return caller && { payload, caller };
}

/** Repeats the check for long requests: undefined once the token was revoked or its user lost access. */
export async function recheck(context: TokenContext, payload: TokenPayload): Promise<Caller | undefined> {
  return (await context.tokens.isLive(payload)) ? callerOf(context, payload) : undefined;
}

/** undefined if user, project or credential are gone, no longer belong together, or tokens were revoked since. */
async function callerOf(context: TokenContext, payload: TokenPayload): Promise<Caller | undefined> {
  const { store } = context;
  const user = await store.users.find({ id: payload.user_id });
  if (!user?.enabled || user.token_revision !== payload.user_revision) return undefined;
  const { application_credential_id } = payload;
  const identity = { user_id: user.id, user_name: user.name, ...(application_credential_id && { application_credential_id }) };
  if (payload.project_id === null) return { ...identity, project_id: '', project_name: '', is_admin: user.is_admin, roles: [] };
  const project = await store.projects.find({ id: payload.project_id });
  const revision = await store.project_token_revisions.revisionOf({ user_id: user.id, project_id: payload.project_id });
  const roles = revision === payload.project_revision ? await rolesOf(context, user, payload) : [];
  if (!project || roles.length === 0) return undefined;
  return { ...identity, project_id: project.id, project_name: project.name, is_admin: roles.includes('admin'), roles };
}

/** A token of an application credential has only the credential's roles, and none once the credential has expired. */
async function rolesOf(context: TokenContext, user: User, payload: TokenPayload): Promise<RoleName[]> {
  const roles = await rolesIn(context.store, user, payload.project_id ?? '');
  if (!payload.application_credential_id) return roles;
  const credential = await context.store.application_credentials.find({ id: payload.application_credential_id });
  if (!credential || hasExpired(credential)) return [];
  return included(roles.filter((role) => credential.roles.includes(role)));
}

export function hasExpired({ expires_at }: { expires_at: string | null }): boolean {
  return expires_at !== null && Date.parse(expires_at) <= Date.now();
}

/** Rejects all callers but administrators. @param action the policy rule's name, for the message */
export function requireAdmin(request: FastifyRequest, action: string): void {
  if (!request.caller.is_admin) throw new Fault('forbidden', { detail: `Policy doesn't allow ${action} to be performed.` });
}

/** True if the record belongs to the caller's project, or the caller is an administrator. */
export function owns(caller: Caller, record: { project_id: string }): boolean {
  return caller.is_admin || record.project_id === caller.project_id;
}
