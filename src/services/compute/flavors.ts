/** Flavors: sizes and requirements of servers. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import { anyOf, compares, isAmong, isEqual } from '#store/conditions.ts';
import { type ListPage, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { ComputeContext } from './context.ts';

type Flavors = Pick<ComputeContext, 'store'>;
/** Private flavors exist for their projects, and for callers who see all of them. */
export type Sight = { readonly seesPrivate: boolean; readonly project_id: string | null };

/** Throws `notFound` also for a private flavor that the caller may not see. */
export async function findFlavor(context: Flavors, id: string, sight: Sight): Promise<Flavor> {
  const flavor = await visibleFlavor(context, id, sight);
  if (!flavor) throw new Fault('notFound', { what: 'Flavor', id });
  return flavor;
}

export async function visibleFlavor(
  { store }: Flavors,
  id: string,
  { seesPrivate, project_id }: Sight,
): Promise<Flavor | undefined> {
  const flavor = await store.flavors.find({ id });
  if (!flavor || flavor.is_public || seesPrivate) return flavor;
  return project_id !== null && (await store.flavor_access.find({ flavor_id: id, project_id })) ? flavor : undefined;
}

export type FlavorList = {
  /** undefined = public and private ones. */
  readonly is_public: boolean | undefined;
  readonly minDisk?: number | undefined;
  readonly minRam?: number | undefined;
  readonly sort_key?: string | undefined;
  readonly sort_dir?: 'asc' | 'desc' | undefined;
  readonly limit?: number | undefined;
  readonly marker?: string | undefined;
};

/** Nova's keys; those that have the same value in all flavors sort by no column. */
const sortKeyTable: Readonly<Record<string, readonly string[]>> = {
  created_at: ['created_at'],
  description: ['description'],
  disabled: [],
  ephemeral_gb: ['ephemeral'],
  flavorid: ['id'],
  id: ['id'],
  is_public: ['is_public'],
  memory_mb: ['ram'],
  name: ['name'],
  root_gb: ['disk'],
  rxtx_factor: [],
  swap: ['swap'],
  updated_at: [],
  vcpu_weight: [],
  vcpus: ['vcpus'],
};

export function listFlavors({ store }: Flavors, list: FlavorList, { seesPrivate, project_id }: Sight): Promise<ListPage<Flavor>> {
  const { sort_key = 'flavorid', sort_dir, limit, marker, is_public, minDisk, minRam } = list;
  const columns = Object.hasOwn(sortKeyTable, sort_key) ? sortKeyTable[sort_key] : undefined;
  if (!columns) throw new Fault('badRequest', { detail: `Flavors cannot be sorted by ${sort_key}.` });
  // As in Nova, also among the public ones that an administrator asks for.
  const isUsable = anyOf(isEqual('is_public', true), ...(project_id === null ? [] : [isAmong('id', accessOf(project_id))]));
  return listRows(
    {
      collection: store.flavors,
      table: listTables.flavors,
      visible: seesPrivate ? [] : [isUsable],
      unknownMarker: (id) => `marker [${id}] not found`,
    },
    {
      where: [
        ...(is_public === undefined ? [] : [is_public ? isUsable : isEqual('is_public', false)]),
        ...(minDisk === undefined ? [] : [compares('disk', '>=', minDisk)]),
        ...(minRam === undefined ? [] : [compares('ram', '>=', minRam)]),
      ],
      sort: columns.map((column) => ({ column, descending: sort_dir === 'desc' })),
      limit,
      marker,
    },
  );
}

const accessOf = (project_id: string) => ({
  table: 'flavor_access',
  select: 'flavor_id',
  where: [isEqual('project_id', project_id)],
});

export type NewFlavor = Pick<Flavor, 'name' | 'vcpus' | 'ram' | 'disk' | 'ephemeral' | 'swap' | 'is_public' | 'description'> & {
  /** Default: a new UUID. */
  readonly id?: string;
};

/** Throws `conflict` if there is a flavor with this name or id. */
export async function createFlavor({ store }: Flavors, { id = randomUUID(), ...flavor }: NewFlavor): Promise<Flavor> {
  const exists = (what: string) => new Fault('conflict', { detail: `Flavor with ${what} already exists.` });
  if (await store.flavors.find({ name: flavor.name })) throw exists(`name ${flavor.name}`);
  if (await store.flavors.find({ id })) throw exists(`ID ${id}`);
  const writing = store.flavors.insert({ ...flavor, id, extra_specs: {}, created_at: new Date().toISOString() });
  return whereUnique(writing, ({ columns }) => exists(columns.includes('name') ? `name ${flavor.name}` : `ID ${id}`));
}

export async function describeFlavor({ store }: Flavors, flavor: Flavor, description: string | null): Promise<Flavor> {
  await store.flavors.update({ id: flavor.id }, { description });
  return { ...flavor, description };
}

export async function deleteFlavor({ store }: Flavors, { id }: Flavor): Promise<void> {
  await store.flavors.remove({ id });
}
