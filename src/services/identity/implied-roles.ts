/** Rules of which role implies which. */
import { Fault } from '#domain/faults.ts';
import type { Role } from '#store/tables/roles.ts';
import type { StoreContext } from './context.ts';
import { getRole } from './roles.ts';

export type Inference = { readonly prior: Role; readonly implied: Role };

/** Keystone's `prohibited_implied_role`: nobody becomes an administrator by another role. */
const neverImplied = 'admin';

/** The roles that this one implies directly, by name. */
export async function impliedRoles(context: StoreContext, prior: Role): Promise<Role[]> {
  const rows = await context.store.implied_roles.list({ prior_role_id: prior.id });
  const ids = rows.map(({ implied_role_id }) => implied_role_id);
  return ids.length === 0 ? [] : context.store.roles.list({ id: ids }, { orderBy: 'name' });
}

async function rolesOf(context: StoreContext, prior_role_id: string, implied_role_id: string): Promise<Inference> {
  return { prior: await getRole(context, prior_role_id), implied: await getRole(context, implied_role_id) };
}

/** @throws Fault `notFound` unless the one implies the other directly */
export async function getInference(context: StoreContext, prior_role_id: string, implied_role_id: string): Promise<Inference> {
  const inference = await rolesOf(context, prior_role_id, implied_role_id);
  if (!(await context.store.implied_roles.find({ prior_role_id, implied_role_id }))) throw noRule(prior_role_id, implied_role_id);
  return inference;
}

/** The tokens of all who have the prior role have the other from now on. @throws Fault `conflict` if it implies it already */
export function createInference({ store }: StoreContext, prior_role_id: string, implied_role_id: string): Promise<Inference> {
  return store.transaction(async (trx) => {
    const { prior, implied } = await rolesOf({ store: trx }, prior_role_id, implied_role_id);
    if (implied.id === neverImplied) throw new Fault('forbidden', { detail: `${implied.id} cannot be an implied roles.` });
    if (prior.domain_id === '' && implied.domain_id !== '')
      throw new Fault('forbidden', { detail: 'Global role cannot imply a domain-specific role' });
    if (!(await trx.implied_roles.insertIfAbsent({ prior_role_id, implied_role_id })))
      throw new Fault('conflict', { detail: `The role ${prior.id} implies ${implied.id} already.` });
    return { prior, implied };
  });
}

export async function deleteInference({ store }: StoreContext, prior_role_id: string, implied_role_id: string): Promise<void> {
  await store.transaction(async (trx) => {
    await rolesOf({ store: trx }, prior_role_id, implied_role_id);
    if ((await trx.implied_roles.remove({ prior_role_id, implied_role_id })) === 0) throw noRule(prior_role_id, implied_role_id);
  });
}

function noRule(prior: string, implied: string): Fault {
  return new Fault('notFound', { what: 'Implied role', id: `${implied} of ${prior}` });
}
