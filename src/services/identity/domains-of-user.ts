/** The domains for which a user can get a token. */
import type { Domain } from '#store/tables/domains.ts';
import type { StoreContext } from './context.ts';

/** Domains in which the user has a role, by name. */
export async function domainsOf({ store }: StoreContext, user_id: string): Promise<Domain[]> {
  const assignments = await store.role_assignments.list({ user_id, scope_type: 'domain', inherited: false });
  const ids = [...new Set(assignments.map(({ scope_id }) => scope_id))];
  return ids.length === 0 ? [] : store.domains.list({ id: ids, enabled: true }, { orderBy: 'name' });
}
