/** Unified limits by Keystone's flat model: limits of a project do not depend on those of others. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { anyOf, type Condition, everything, isAmong, isEqual, nothing } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Limit, RegisteredLimit } from '#store/tables/limits.ts';
import type { BuiltIn } from './catalogue.ts';
import type { StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { wholeList } from './lists.ts';

const newId = () => randomUUID().replaceAll('-', '');

/** Of the registered limits; and of all limits, which administrators make for each project. */
const most = { registered_limits: 1000, limits: 100_000 };

export type RegisteredLimitFields = {
  readonly service_id: string;
  readonly region_id?: string | null;
  readonly resource_name: string;
  readonly default_limit: number;
  readonly description?: string | null;
};

export type LimitFields = {
  readonly service_id: string;
  readonly region_id?: string | null;
  readonly resource_name: string;
  readonly resource_limit: number;
  readonly description?: string | null;
  readonly project_id?: string | null;
  readonly domain_id?: string | null;
};

/** @throws Fault `notFound` */
export async function getRegisteredLimit({ store }: StoreContext, id: string): Promise<RegisteredLimit> {
  const limit = await store.registered_limits.find({ id });
  if (!limit) throw new Fault('notFound', { what: 'Registered limit', id });
  return limit;
}

export function listRegisteredLimits({ store }: StoreContext, query: ListQuery): Promise<ListPage<RegisteredLimit>> {
  const source = { collection: store.registered_limits, table: listTables.registered_limits, visible: [] };
  return listRows({ ...source, maximum: wholeList }, query);
}

/** All or none. */
export function createRegisteredLimits(
  { store }: StoreContext,
  builtIn: BuiltIn,
  asked: readonly RegisteredLimitFields[],
): Promise<RegisteredLimit[]> {
  return store.transaction(async (trx) => {
    await refuseMany(trx, 'registered_limits', asked.length);
    const made: RegisteredLimit[] = [];
    for (const { service_id, region_id = null, resource_name, default_limit, description = null } of asked) {
      const limit = { id: newId(), service_id, region_id, resource_name, default_limit, description };
      await checkPlace(trx, builtIn, limit, 'registered_limit');
      await refuseSame(trx, limit);
      made.push(await trx.registered_limits.insert(limit));
    }
    return made;
  });
}

export function updateRegisteredLimit(
  { store }: StoreContext,
  builtIn: BuiltIn,
  { id, fields }: { readonly id: string; readonly fields: Partial<RegisteredLimitFields> },
): Promise<RegisteredLimit> {
  return store.transaction(async (trx) => {
    const limit = await getRegisteredLimit({ store: trx }, id);
    await refuseInUse(trx, id);
    // Further members of the request never reach a column, such as the id.
    const { service_id, region_id, resource_name, default_limit, description } = fields;
    const changed: RegisteredLimit = {
      ...limit,
      ...(service_id !== undefined && { service_id }),
      ...(region_id !== undefined && { region_id }),
      ...(resource_name !== undefined && { resource_name }),
      ...(default_limit !== undefined && { default_limit }),
      ...(description !== undefined && { description }),
    };
    await checkPlace(trx, builtIn, changed, 'registered_limit');
    await refuseSame(trx, changed);
    await trx.registered_limits.update({ id }, changed);
    return changed;
  });
}

export async function deleteRegisteredLimit({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    await getRegisteredLimit({ store: trx }, id);
    await refuseInUse(trx, id);
    await trx.registered_limits.remove({ id });
  });
}

/** @throws Fault `notFound` */
export async function getLimit({ store }: StoreContext, id: string): Promise<Limit> {
  const limit = await store.limits.find({ id });
  if (!limit) throw new Fault('notFound', { what: 'Limit', id });
  return limit;
}

/** Those of the scope of the caller; administrators, services and readers of the system see all. */
export function listLimits({ store }: StoreContext, caller: Caller, query: ListQuery): Promise<ListPage<Limit>> {
  const source = { collection: store.limits, table: listTables.limits, visible: [isVisible(caller)], maximum: wholeList };
  return listRows(source, query);
}

function isVisible({ system_scope, roles, domain_id, project_id }: Caller): Condition {
  if (system_scope || roles.includes('admin') || roles.includes('service')) return everything;
  if (domain_id !== undefined) {
    const projects = { table: 'projects', select: 'id', where: [isEqual('domain_id', domain_id)] };
    return anyOf(isEqual('domain_id', domain_id), isAmong('project_id', projects));
  }
  return project_id === '' ? nothing : isEqual('project_id', project_id);
}

/** All or none. */
export function createLimits({ store }: StoreContext, builtIn: BuiltIn, asked: readonly LimitFields[]): Promise<Limit[]> {
  return store.transaction(async (trx) => {
    await refuseMany(trx, 'limits', asked.length);
    const made: Limit[] = [];
    for (const fields of asked) made.push(await createLimit(trx, builtIn, fields));
    return made;
  });
}

async function createLimit(store: Store, builtIn: BuiltIn, fields: LimitFields): Promise<Limit> {
  const { service_id, region_id = null, resource_name, resource_limit, description = null } = fields;
  await checkPlace(store, builtIn, { service_id, region_id }, 'limit');
  const owner = await ownerOf(store, fields);
  const registered = await store.registered_limits.find({ service_id, region_id, resource_name });
  if (!registered)
    throw new Fault('forbidden', { detail: 'Unable to create a limit that has no corresponding registered limit.' });
  if (await store.limits.find({ registered_limit_id: registered.id, ...owner })) throw duplicate('limit');
  const resource = { service_id, region_id, resource_name, description, resource_limit };
  return store.limits.insert({ id: newId(), registered_limit_id: registered.id, ...owner, ...resource });
}

/** The id of a domain as that of a project means the domain, as in Keystone. */
async function ownerOf(store: Store, { project_id, domain_id }: LimitFields) {
  if (Boolean(project_id) === Boolean(domain_id)) throw expecting('either project_id or domain_id', 'limit');
  if (project_id && (await store.projects.find({ id: project_id }))) return { project_id, domain_id: null };
  const domain = await store.domains.find({ id: domain_id || project_id || '' });
  if (!domain) throw expecting(project_id ? 'project_id' : 'domain_id', 'limit');
  return { project_id: null, domain_id: domain.id };
}

export type LimitChanges = Pick<Partial<LimitFields>, 'resource_limit' | 'description'>;

export function updateLimit({ store }: StoreContext, id: string, { resource_limit, description }: LimitChanges): Promise<Limit> {
  return store.transaction(async (trx) => {
    const changed: Limit = {
      ...(await getLimit({ store: trx }, id)),
      ...(resource_limit !== undefined && { resource_limit }),
      ...(description !== undefined && { description }),
    };
    await trx.limits.update({ id }, changed);
    return changed;
  });
}

export async function deleteLimit({ store }: StoreContext, id: string): Promise<void> {
  if ((await store.limits.remove({ id })) === 0) throw new Fault('notFound', { what: 'Limit', id });
}

type Place = Pick<RegisteredLimit, 'service_id' | 'region_id'>;

async function checkPlace(store: Store, builtIn: BuiltIn, { service_id, region_id }: Place, target: string): Promise<void> {
  if (!builtIn.services.includes(service_id) && !(await store.catalog_services.find({ id: service_id })))
    throw expecting('service_id', target);
  if (region_id !== null && region_id !== builtIn.region && !(await store.regions.find({ id: region_id })))
    throw expecting('region_id', target);
}

async function refuseSame(store: Store, { id, service_id, region_id, resource_name }: RegisteredLimit): Promise<void> {
  const same = await store.registered_limits.find({ service_id, region_id, resource_name });
  if (same && same.id !== id) throw duplicate('registered_limit');
}

function duplicate(type: string): Fault {
  return new Fault('conflict', { detail: `Conflict occurred attempting to store ${type} - Duplicate entry.` });
}

async function refuseInUse(store: Store, id: string): Promise<void> {
  if ((await store.limits.pick(['id'], { registered_limit_id: id }, { limit: 1 })).length === 0) return;
  const detail = `Unable to update or delete registered limit ${id} because there are project limits associated with it.`;
  throw new Fault('forbidden', { detail });
}

async function refuseMany(store: Store, noun: keyof typeof most, more: number): Promise<void> {
  if ((await store[noun].count()) + more <= most[noun]) return;
  throw new Fault('forbidden', { detail: `There are at most ${most[noun]} ${noun.replace('_', ' ')}.` });
}
