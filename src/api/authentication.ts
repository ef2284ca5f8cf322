/** Who asks, and may they: the X-Auth-Token of a request becomes `request.caller`. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { User } from '#store/tables.ts';
import type { ApiContext, Caller } from './context.ts';
import type { TokenPayload } from './tokens.ts';

/** An onRequest hook (before the body is read). `needsProject` refuses tokens without a project. */
export function authenticate(context: ApiContext, options: { needsProject: boolean }) {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers['x-auth-token'];
    const payload = typeof token === 'string' ? await context.tokens.verify(token) : undefined;
    const caller = payload && (await callerOf(context, payload));
    if (!caller || (options.needsProject && caller.project_id === '')) throw new Fault('unauthorized');
    request.caller = caller;
  };
}

/** undefined where the user or project is gone or no longer belongs together. */
export async function callerOf(context: ApiContext, payload: TokenPayload): Promise<Caller | undefined> {
  const user = await context.store.users.find({ id: payload.user_id });
  if (!user) return undefined;
  const identity = { user_id: user.id, user_name: user.name, is_admin: user.is_admin, roles: rolesOf(user) };
  if (payload.project_id === null) return { ...identity, project_id: '', project_name: '' };
  const project = mayUseProject(user, payload.project_id)
    ? await context.store.projects.find({ id: payload.project_id })
    : undefined;
  return project && { ...identity, project_id: project.id, project_name: project.name };
}

/** Administrators may work in every project, others in their own. */
export function mayUseProject(user: User, projectId: string): boolean {
  return user.is_admin || user.project_id === projectId;
}

export function rolesOf(user: User): string[] {
  return user.is_admin ? ['admin', 'member', 'reader'] : ['member', 'reader'];
}

/** Refuses everybody but administrators. @param action the policy rule's name, for the message */
export function requireAdmin(request: FastifyRequest, action: string): void {
  if (!request.caller.is_admin) throw new Fault('forbidden', { detail: `Policy doesn't allow ${action} to be performed.` });
}

/** True where the record is the caller's project's, or the caller is an administrator. */
export function owns(caller: Caller, record: { project_id: string }): boolean {
  return caller.is_admin || record.project_id === caller.project_id;
}
