/** The domains for which a user can get a token. */
import type { Domain } from '#store/tables/domains.ts';
import type { StoreContext } from './context.ts';
import { readRoleGraph } from './role-graph.ts';
import { assignmentsOf } from './roles-in.ts';

/** Domains in which the user has a role, by name. */
export async function domainsOf({ store }: StoreContext, user_id: string): Promise<Domain[]> {
  const graph = await readRoleGraph(store);
  const direct = (await assignmentsOf(store, user_id)).filter(
    ({ scope_type, inherited }) => scope_type === 'domain' && !inherited,
  );
  // A role of a domain may imply none that a token has.
  const useful = direct.filter(({ role_id }) => graph.inToken([role_id]).length > 0);
  const ids = [...new Set(useful.map(({ scope_id }) => scope_id))];
  return ids.length === 0 ? [] : store.domains.list({ id: ids, enabled: true }, { orderBy: 'name' });
}
