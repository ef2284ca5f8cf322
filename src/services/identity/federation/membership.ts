/** Memberships that end by themselves: those that an identity provider said. */
import { anyOf, type Condition, compares, isEqual } from '#store/conditions.ts';
import type { GroupMember } from '#store/tables/groups.ts';

/** Whether a membership has not ended. */
export function holds({ expires_at }: Pick<GroupMember, 'expires_at'>): boolean {
  return expires_at === '' || Date.parse(expires_at) > Date.now();
}

/** The same as a condition. */
export function membershipHolds(): Condition {
  return anyOf(isEqual('expires_at', ''), compares('expires_at', '>', new Date().toISOString()));
}
