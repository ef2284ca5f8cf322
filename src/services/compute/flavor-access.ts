/** The projects that may use a private flavor. */
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import type { FlavorAccess } from '#store/tables/flavor-access.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { ComputeContext } from './context.ts';

type Flavors = Pick<ComputeContext, 'store'>;

/** @throws Fault `missing` for a public flavor */
export function accessList({ store }: Flavors, { id, is_public }: Flavor): Promise<FlavorAccess[]> {
  if (is_public) throw new Fault('missing', { detail: 'Access list not available for public flavors.' });
  return store.flavor_access.list({ flavor_id: id }, { orderBy: 'project_id' });
}

/** @throws Fault `conflict` if the project has access. Returns all accesses. */
export async function addAccess(context: Flavors, { id }: Flavor, project_id: string): Promise<FlavorAccess[]> {
  const exists = () =>
    new Fault('conflict', { detail: `Flavor access already exists for flavor ${id} and project ${project_id} combination.` });
  await whereUnique(context.store.flavor_access.insert({ flavor_id: id, project_id }), exists);
  return context.store.flavor_access.list({ flavor_id: id }, { orderBy: 'project_id' });
}

/** @throws Fault `missing` if it has none. Returns all accesses that are left. */
export async function removeAccess({ store }: Flavors, { id }: Flavor, project_id: string): Promise<FlavorAccess[]> {
  if ((await store.flavor_access.remove({ flavor_id: id, project_id })) === 0)
    throw new Fault('missing', { detail: `Flavor access not found for ${id} / ${project_id} combination.` });
  return store.flavor_access.list({ flavor_id: id }, { orderBy: 'project_id' });
}
