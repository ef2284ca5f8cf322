/** The service catalogue: a built-in part, and what administrators add to it. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { CatalogEndpoint, CatalogService, EndpointInterface, Region } from '#store/tables/catalogue.ts';
import type { StoreContext } from './context.ts';
import { refuseUrl } from './endpoint-urls.ts';
import { removeAssociationsOf } from './remove-associations.ts';
import { removeLimitsOf } from './remove-limits.ts';

/** What is there without a row, by id: it derives from the settings and cannot be changed. */
export type BuiltIn = {
  readonly region: string;
  readonly services: readonly string[];
  readonly endpoints: readonly string[];
};

/** Every token shows the catalogue. */
const most = { regions: 500, catalog_services: 200, catalog_endpoints: 1000 };
type Noun = keyof typeof most;
const names: Readonly<Record<Noun, string>> = { regions: 'region', catalog_services: 'service', catalog_endpoints: 'endpoint' };

const newId = () => randomUUID().replaceAll('-', '');

async function refuseMany(store: Store, noun: Noun): Promise<void> {
  const page = { limit: most[noun] };
  const rows = {
    regions: () => store.regions.pick(['id'], {}, page),
    catalog_services: () => store.catalog_services.pick(['id'], {}, page),
    catalog_endpoints: () => store.catalog_endpoints.pick(['id'], {}, page),
  };
  if ((await rows[noun]()).length < most[noun]) return;
  throw new Fault('forbidden', { detail: `The catalogue has ${most[noun]} ${names[noun]}s already.` });
}

/** @throws Fault `forbidden` */
function refuseBuiltIn(noun: Noun, id: string, builtIn: readonly string[]): void {
  if (!builtIn.includes(id)) return;
  throw new Fault('forbidden', {
    detail: `The ${names[noun]} ${id} is Ingot's own: it follows the settings and cannot be changed.`,
  });
}

function missing(noun: Noun, id: string): Fault {
  return new Fault('notFound', { what: names[noun], id });
}

export type RegionFields = {
  readonly id?: string;
  readonly description?: string | null;
  readonly parent_region_id?: string | null;
};

export function createRegion({ store }: StoreContext, builtIn: BuiltIn, fields: RegionFields): Promise<Region> {
  return store.transaction((trx) => addRegion(trx, builtIn, fields));
}

async function addRegion(trx: Store, builtIn: BuiltIn, fields: RegionFields): Promise<Region> {
  const id = fields.id || newId();
  await refuseMany(trx, 'regions');
  if (id === builtIn.region || (await trx.regions.find({ id })))
    throw new Fault('conflict', { detail: `Conflict occurred attempting to store region - Duplicate ID, ${id}..` });
  await checkParent(trx, builtIn, { id, parent: fields.parent_region_id });
  const parent_region_id = fields.parent_region_id ?? null;
  return trx.regions.insert({ id, description: fields.description ?? '', parent_region_id });
}

export function updateRegion({ store }: StoreContext, builtIn: BuiltIn, id: string, fields: RegionFields): Promise<Region> {
  refuseBuiltIn('regions', id, [builtIn.region]);
  return store.transaction(async (trx) => {
    const region = await trx.regions.find({ id });
    if (!region) throw missing('regions', id);
    await checkParent(trx, builtIn, { id, parent: fields.parent_region_id });
    const changed = {
      ...region,
      ...(fields.description !== undefined && { description: fields.description ?? '' }),
      ...(fields.parent_region_id !== undefined && { parent_region_id: fields.parent_region_id }),
    };
    await trx.regions.update({ id }, changed);
    return changed;
  });
}

/** A region is in none that is in it. */
async function checkParent(
  store: Store,
  { region: own }: BuiltIn,
  { id, parent }: { id: string; parent?: string | null | undefined },
) {
  let next = parent ?? null;
  for (let depth = 0; next !== null && next !== own; depth++) {
    if (next === id || depth > most.regions)
      throw new Fault('badRequest', { detail: `The region ${id} cannot be in ${parent}, which is in it.` });
    const above: Region | undefined = await store.regions.find({ id: next });
    if (!above) throw missing('regions', next);
    next = above.parent_region_id;
  }
}

/** With the regions in it, unless one of them has endpoints. */
export async function deleteRegion({ store }: StoreContext, builtIn: BuiltIn, id: string): Promise<void> {
  refuseBuiltIn('regions', id, [builtIn.region]);
  await store.transaction(async (trx) => {
    if (!(await trx.regions.find({ id }))) throw missing('regions', id);
    const ids = [id];
    for (const parent_region_id of ids)
      ids.push(...(await trx.regions.pick(['id'], { parent_region_id })).map((region) => region.id));
    const used = await trx.catalog_endpoints.pick(['id'], { region_id: ids }, { limit: 1 });
    const detail = `Unable to delete region ${id} because it or its child regions have associated endpoints.`;
    if (used.length > 0) throw new Fault('forbidden', { detail });
    await removeLimitsOf(trx, { region_id: ids });
    await trx.regions.remove({ id: ids });
  });
}

export type ServiceFields = {
  readonly type: string;
  readonly name?: string;
  readonly description?: string | null;
  readonly enabled?: boolean;
};

export function createService({ store }: StoreContext, fields: ServiceFields): Promise<CatalogService> {
  return store.transaction(async (trx) => {
    await refuseMany(trx, 'catalog_services');
    const { type, name = '', enabled = true } = fields;
    return trx.catalog_services.insert({ id: newId(), type, name, description: fields.description ?? '', enabled });
  });
}

export async function updateService({ store }: StoreContext, builtIn: BuiltIn, id: string, fields: Partial<ServiceFields>) {
  refuseBuiltIn('catalog_services', id, builtIn.services);
  // Further members of the request never reach a column, such as the id.
  const { type, name, description, enabled } = fields;
  return store.transaction(async (trx) => {
    const service = await trx.catalog_services.find({ id });
    if (!service) throw missing('catalog_services', id);
    const changed: CatalogService = {
      ...service,
      ...(type !== undefined && { type }),
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description: description ?? '' }),
      ...(enabled !== undefined && { enabled }),
    };
    await trx.catalog_services.update({ id }, changed);
    return changed;
  });
}

/** With its endpoints. */
export async function deleteService({ store }: StoreContext, builtIn: BuiltIn, id: string): Promise<void> {
  refuseBuiltIn('catalog_services', id, builtIn.services);
  await store.transaction(async (trx) => {
    if ((await trx.catalog_services.remove({ id })) === 0) throw missing('catalog_services', id);
    await removeLimitsOf(trx, { service_id: id });
    const endpoints = (await trx.catalog_endpoints.pick(['id'], { service_id: id })).map((endpoint) => endpoint.id);
    await trx.catalog_endpoints.remove({ service_id: id });
    if (endpoints.length > 0) await removeAssociationsOf(trx, { endpoint_id: endpoints });
  });
}

export type EndpointFields = {
  readonly service_id: string;
  readonly interface: EndpointInterface;
  readonly url: string;
  readonly region_id?: string | null;
  /** The name of `region_id` in Identity v2: a region that does not exist is made. */
  readonly region?: string | null;
  readonly enabled?: boolean;
};

export function createEndpoint({ store }: StoreContext, builtIn: BuiltIn, fields: EndpointFields): Promise<CatalogEndpoint> {
  return store.transaction(async (trx) => {
    await refuseMany(trx, 'catalog_endpoints');
    const region_id = (await regionOf(trx, builtIn, fields)) ?? null;
    await checkEndpoint(trx, builtIn, { ...fields, region_id });
    const { service_id, url, enabled = true } = fields;
    return trx.catalog_endpoints.insert({ id: newId(), service_id, interface: fields.interface, region_id, url, enabled });
  });
}

export function updateEndpoint(
  { store }: StoreContext,
  builtIn: BuiltIn,
  { id, fields }: { readonly id: string; readonly fields: Partial<EndpointFields> },
): Promise<CatalogEndpoint> {
  refuseBuiltIn('catalog_endpoints', id, builtIn.endpoints);
  return store.transaction(async (trx) => {
    const endpoint = await trx.catalog_endpoints.find({ id });
    if (!endpoint) throw missing('catalog_endpoints', id);
    const region_id = await regionOf(trx, builtIn, fields);
    await checkEndpoint(trx, builtIn, { ...fields, ...(region_id !== undefined && { region_id }) });
    const { service_id, url, enabled } = fields;
    const changed: CatalogEndpoint = {
      ...endpoint,
      ...(service_id !== undefined && { service_id }),
      ...(fields.interface !== undefined && { interface: fields.interface }),
      ...(url !== undefined && { url }),
      ...(region_id !== undefined && { region_id }),
      ...(enabled !== undefined && { enabled }),
    };
    await trx.catalog_endpoints.update({ id }, changed);
    return changed;
  });
}

export async function deleteEndpoint({ store }: StoreContext, builtIn: BuiltIn, id: string): Promise<void> {
  refuseBuiltIn('catalog_endpoints', id, builtIn.endpoints);
  await store.transaction(async (trx) => {
    if ((await trx.catalog_endpoints.remove({ id })) === 0) throw missing('catalog_endpoints', id);
    await removeAssociationsOf(trx, { endpoint_id: [id] });
  });
}

/** As in Keystone, a region under its former name is made if there is none. */
async function regionOf(trx: Store, builtIn: BuiltIn, fields: Partial<EndpointFields>): Promise<string | null | undefined> {
  const { region_id, region } = fields;
  const isNew = !region_id && region && region !== builtIn.region && !(await trx.regions.find({ id: region }));
  if (isNew) await addRegion(trx, builtIn, { id: region });
  return region_id ?? region;
}

async function checkEndpoint(store: Store, builtIn: BuiltIn, fields: Partial<EndpointFields>): Promise<void> {
  const { region_id, service_id, url } = fields;
  if (url !== undefined) refuseUrl(url);
  if (region_id && region_id !== builtIn.region && !(await store.regions.find({ id: region_id })))
    throw absent('endpoint region_id', 'region table');
  const isKnown =
    service_id === undefined || builtIn.services.includes(service_id) || (await store.catalog_services.find({ id: service_id }));
  if (!isKnown) throw absent('endpoint service_id', 'service table');
}

function absent(attribute: string, target: string): Fault {
  const cause = 'The server could not comply with the request since it is either malformed or otherwise incorrect.';
  const detail = `Expecting to find ${attribute} in ${target}. ${cause} The client is assumed to be in error.`;
  return new Fault('badRequest', { detail });
}
