/** What the lists of users and projects have in common. */
import { type Condition, isEqual } from '#store/conditions.ts';

/** Without `limit`, a list has no pages: most clients of Keystone do not read a second one. */
export const wholeList = Number.MAX_SAFE_INTEGER - 1;

/** @param domain_id undefined: of all domains */
export function ofDomain(domain_id: string | undefined): Condition[] {
  return domain_id === undefined ? [] : [isEqual('domain_id', domain_id)];
}
