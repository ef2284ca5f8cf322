/** Which endpoints the catalogue of a project shows: those of the project and those of its groups; without any, all. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isAmong, isEqual } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { EndpointFilters, EndpointGroup } from '#store/tables/endpoint-filter.ts';
import type { Project } from '#store/tables/projects.ts';
import type { StoreContext } from './context.ts';
import { wholeList } from './lists.ts';
import { getProject } from './projects.ts';

/** What the filters of a group compare. */
export type FilteredEndpoint = {
  readonly id: string;
  readonly interface: string;
  readonly service_id: string;
  readonly region_id: string | null;
};

export type EndpointGroupFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly filters: EndpointFilters;
};

/** Each token of a project with groups reads them. */
const groupsMost = 200;

export function isInGroup(endpoint: FilteredEndpoint, { filters }: Pick<EndpointGroup, 'filters'>): boolean {
  return Object.entries(filters).every(([name, value]) => endpoint[name as keyof EndpointFilters] === value);
}

/** Undefined: the project has no filter. */
export async function endpointFilterOf({ store }: StoreContext, project_id: string) {
  const own = new Set((await store.project_endpoints.list({ project_id })).map(({ endpoint_id }) => endpoint_id));
  const groups = await groupsOf(store, project_id);
  if (own.size === 0 && groups.length === 0) return undefined;
  return (endpoint: FilteredEndpoint) => own.has(endpoint.id) || groups.some((group) => isInGroup(endpoint, group));
}

async function groupsOf(store: Store, project_id: string): Promise<EndpointGroup[]> {
  const id = (await store.project_endpoint_groups.list({ project_id })).map(({ endpoint_group_id }) => endpoint_group_id);
  return id.length === 0 ? [] : store.endpoint_groups.list({ id }, { orderBy: 'id' });
}

/** @throws Fault `notFound` */
export async function getEndpointGroup({ store }: StoreContext, id: string): Promise<EndpointGroup> {
  const group = await store.endpoint_groups.find({ id });
  if (!group) throw new Fault('notFound', { what: 'Endpoint Group', id });
  return group;
}

export function listEndpointGroups({ store }: StoreContext, query: ListQuery): Promise<ListPage<EndpointGroup>> {
  const source = { collection: store.endpoint_groups, table: listTables.endpoint_groups, visible: [], maximum: wholeList };
  return listRows(source, query);
}

export function createEndpointGroup({ store }: StoreContext, fields: EndpointGroupFields): Promise<EndpointGroup> {
  const { name, description = null, filters } = fields;
  if (Object.keys(filters).length === 0)
    throw new Fault('badRequest', { detail: 'filters field is required and cannot be empty' });
  return store.transaction(async (trx) => {
    if ((await trx.endpoint_groups.count()) >= groupsMost)
      throw new Fault('forbidden', { detail: `There are ${groupsMost} endpoint groups already.` });
    return trx.endpoint_groups.insert({ id: randomUUID().replaceAll('-', ''), name, description, filters });
  });
}

export function updateEndpointGroup(
  { store }: StoreContext,
  id: string,
  { name, description, filters }: Partial<EndpointGroupFields>,
): Promise<EndpointGroup> {
  return store.transaction(async (trx) => {
    const group = await getEndpointGroup({ store: trx }, id);
    const changed: EndpointGroup = {
      ...group,
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(filters !== undefined && { filters }),
    };
    await trx.endpoint_groups.update({ id }, changed);
    return changed;
  });
}

export async function deleteEndpointGroup({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    await getEndpointGroup({ store: trx }, id);
    await trx.project_endpoint_groups.remove({ endpoint_group_id: id });
    await trx.endpoint_groups.remove({ id });
  });
}

/** What a project may be associated with: an endpoint, which the caller has found, or a group. */
export type Association = { readonly project_id: string } & (
  | { readonly endpoint_id: string }
  | { readonly endpoint_group_id: string }
);

/** @throws Fault `conflict` if it is already */
export async function associate({ store }: StoreContext, association: Association): Promise<void> {
  await store.transaction(async (trx) => {
    await checkParties(trx, association);
    if (await tableOf(trx, association).insertIfAbsent(association)) return;
    const type = 'endpoint_id' in association ? 'project_endpoint' : 'project_endpoint_group';
    throw new Fault('conflict', { detail: `Conflict occurred attempting to store ${type} - Duplicate entry.` });
  });
}

/** @throws Fault `missing` */
export async function checkAssociation({ store }: StoreContext, association: Association): Promise<void> {
  await checkParties(store, association);
  if (!(await tableOf(store, association).find(association))) throw notAssociated(association);
}

export async function dissociate({ store }: StoreContext, association: Association): Promise<void> {
  await store.transaction(async (trx) => {
    if ((await tableOf(trx, association).remove(association)) === 0) throw notAssociated(association);
  });
}

function tableOf(store: Store, association: Association) {
  const { project_endpoints, project_endpoint_groups } = store;
  return ('endpoint_id' in association ? project_endpoints : project_endpoint_groups) as unknown as AssociationTable;
}

/** What both tables have. */
type AssociationTable = {
  insertIfAbsent(record: Association): Promise<boolean>;
  find(where: Association): Promise<Association | undefined>;
  remove(where: Association): Promise<number>;
};

async function checkParties(store: Store, association: Association): Promise<void> {
  await getProject({ store }, association.project_id);
  if ('endpoint_group_id' in association) await getEndpointGroup({ store }, association.endpoint_group_id);
}

function notAssociated(association: Association): Fault {
  const what =
    'endpoint_id' in association ? `Endpoint ${association.endpoint_id}` : `Endpoint Group ${association.endpoint_group_id}`;
  return new Fault('missing', { detail: `${what} not found in project ${association.project_id}.` });
}

/** @throws Fault `notFound` */
export async function groupsOfProject(context: StoreContext, project_id: string): Promise<EndpointGroup[]> {
  await getProject(context, project_id);
  return groupsOf(context.store, project_id);
}

/** Of an endpoint or of a group, by name. */
export async function projectsAssociated(
  { store }: StoreContext,
  by: { endpoint_id: string } | { endpoint_group_id: string },
): Promise<Project[]> {
  const where = 'endpoint_id' in by ? isEqual('endpoint_id', by.endpoint_id) : isEqual('endpoint_group_id', by.endpoint_group_id);
  const table = 'endpoint_id' in by ? 'project_endpoints' : 'project_endpoint_groups';
  // There may be more of them than a statement has parameters.
  return store.projects.list([isAmong('id', { table, select: 'project_id', where: [where] })], { orderBy: 'name' });
}
