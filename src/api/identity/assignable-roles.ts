/** Which roles a caller may assign, by the policy: who manages users must not get more by them. */
import type { FastifyRequest } from 'fastify';
import { type MayAssign, refuseWiderGroup, refuseWiderRights, widerTrusts } from '#services/identity/wider-rights.ts';
import type { Group } from '#store/tables/groups.ts';
import type { User } from '#store/tables/users.ts';
import type { ApiContext } from '../context.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { allows } from './policy.ts';
import { domainTarget, groupTarget, projectTarget, roleTarget, userTarget } from './policy-targets.ts';

/** @throws Fault `forbidden` if the user has a right that the caller may not assign */
export async function refuseWiderUser(context: ApiContext, request: FastifyRequest, user: User): Promise<void> {
  if (request.caller.is_admin) return;
  await refuseWiderRights(context, user, mayAssign(request, userTarget(user), 'identity:create_system_grant_for_user'));
}

/** Ids of the trusts for the user that delegate what the caller may not assign. */
export async function widerTrustsFor(context: ApiContext, request: FastifyRequest, user: User): Promise<string[]> {
  if (request.caller.is_admin) return [];
  return widerTrusts(context, user, mayAssign(request, userTarget(user), 'identity:create_system_grant_for_user'));
}

/** Like `refuseWiderUser`, for a group. */
export async function refuseWider(context: ApiContext, request: FastifyRequest, group: Group): Promise<void> {
  if (request.caller.is_admin) return;
  await refuseWiderGroup(context, group, mayAssign(request, groupTarget(group), 'identity:create_system_grant_for_group'));
}

function mayAssign(
  request: FastifyRequest,
  actor: PolicyTarget,
  systemRule: `identity:create_system_grant_for_${'user' | 'group'}`,
): MayAssign {
  return ({ role, scope: { scope_type, scope_id }, domain_id }) => {
    const target = { ...actor, ...roleTarget(role) };
    if (scope_type === 'system') return allows(request, systemRule, target);
    const place = scope_type === 'domain' ? domainTarget({ id: scope_id }) : projectTarget({ id: scope_id, domain_id });
    return allows(request, 'identity:create_grant', { ...target, ...place });
  };
}
