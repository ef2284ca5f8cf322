/** Who asks, and may they: the X-Auth-Token of a request becomes `request.caller`. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { RoleName, User } from '#store/tables.ts';
import type { ApiContext, Caller } from './context.ts';
import { rolesIn } from './identity/roles.ts';
import type { TokenPayload } from './tokens.ts';

/** An onRequest hook (before the body is read). `needsProject` refuses tokens without a project. */
export function authenticate(context: ApiContext, options: { needsProject: boolean }) {
  return async (request: FastifyRequest): Promise<void> => {
    const token = request.headers['x-auth-token'];
    const payload = typeof token === 'string' ? await context.tokens.verify(token) : undefined;
    const caller = payload && (await callerOf(context, payload));
    if (!caller || (options.needsProject && caller.project_id === '')) throw new Fault('unauthorized');
    if (options.needsProject) checkReader(caller, request.method);
    request.caller = caller;
  };
}

/** The role `reader` alone looks at things; what belongs to the project is changed by its members. */
function checkReader(caller: Caller, method: string): void {
  if (method === 'GET' || method === 'HEAD' || caller.is_admin || caller.roles.includes('member')) return;
  throw new Fault('forbidden', { detail: 'The role reader does not allow changes: they need the role member.' });
}

/** undefined where the user, project or credential is gone, or they no longer belong together. */
export async function callerOf(context: ApiContext, payload: TokenPayload): Promise<Caller | undefined> {
  const { store } = context;
  const user = await store.users.find({ id: payload.user_id });
  if (!user?.enabled || user.password_changed_at > payload.issued_at) return undefined;
  const { application_credential_id } = payload;
  const identity = { user_id: user.id, user_name: user.name, ...(application_credential_id && { application_credential_id }) };
  if (payload.project_id === null) return { ...identity, project_id: '', project_name: '', is_admin: user.is_admin, roles: [] };
  const project = await store.projects.find({ id: payload.project_id });
  const roles = project ? await rolesOf(context, user, payload) : [];
  if (!project || roles.length === 0) return undefined;
  return { ...identity, project_id: project.id, project_name: project.name, is_admin: roles.includes('admin'), roles };
}

/** A token of an application credential has no more roles than the credential names. */
async function rolesOf(context: ApiContext, user: User, payload: TokenPayload): Promise<RoleName[]> {
  const roles = await rolesIn(context.store, user, payload.project_id ?? '');
  if (!payload.application_credential_id) return roles;
  const credential = await context.store.application_credentials.find({ id: payload.application_credential_id });
  return roles.filter((role) => credential?.roles.includes(role));
}

/** Refuses everybody but administrators. @param action the policy rule's name, for the message */
export function requireAdmin(request: FastifyRequest, action: string): void {
  if (!request.caller.is_admin) throw new Fault('forbidden', { detail: `Policy doesn't allow ${action} to be performed.` });
}

/** True where the record is the caller's project's, or the caller is an administrator. */
export function owns(caller: Caller, record: { project_id: string }): boolean {
  return caller.is_admin || record.project_id === caller.project_id;
}
