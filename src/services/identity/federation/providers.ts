/** Identity providers and their protocols, as in Keystone. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { FederationProtocol, IdentityProvider } from '#store/tables/federation.ts';
import type { User } from '#store/tables/users.ts';
import type { StoreContext } from '../context.ts';
import { type DirectoryContext, refuseWrite } from '../directory/read-only.ts';
import { createDomain, defaultDomainId, getDomain } from '../domains.ts';
import { wholeList } from '../lists.ts';

/** Null means empty. */
export type ProviderFields = {
  readonly enabled?: boolean;
  readonly description?: string | null;
  readonly authorization_ttl?: number | null;
  readonly remote_ids?: readonly string[] | null;
};

const providersMost = 100;
const protocolsMost = 20;

/** @throws Fault `notFound` */
export async function getProvider({ store }: StoreContext, id: string): Promise<IdentityProvider> {
  const provider = await store.identity_providers.find({ id });
  if (!provider) throw new Fault('notFound', { what: 'Identity Provider', id });
  return provider;
}

/** The enabled one that has the protocol and stands for the issuer. */
export async function findProviderOf(
  { store }: StoreContext,
  { protocol_id, remote_id }: { readonly protocol_id: string; readonly remote_id: string },
): Promise<IdentityProvider | undefined> {
  const ids = (await store.federation_protocols.list({ id: protocol_id })).map(({ idp_id }) => idp_id);
  const providers = ids.length === 0 ? [] : await store.identity_providers.list({ id: ids, enabled: true });
  return providers.find(({ remote_ids }) => remote_ids.includes(remote_id));
}

export function listProviders({ store }: StoreContext, query: ListQuery): Promise<ListPage<IdentityProvider>> {
  const source = { collection: store.identity_providers, table: listTables.identity_providers, visible: [], maximum: wholeList };
  return listRows(source, query);
}

/** For the users of identity providers: whether theirs may still be used. Others always may. */
export async function isProviderEnabled(store: Store, { origin, domain_id }: User): Promise<boolean> {
  return origin !== 'federated' || ((await store.identity_providers.find({ domain_id }))?.enabled ?? false);
}

/** Without a domain of the request, in one of its own, as in Keystone. */
export async function createProvider(
  context: DirectoryContext,
  id: string,
  { domain_id, ...fields }: ProviderFields & { readonly domain_id?: string | null },
): Promise<IdentityProvider> {
  return context.store.transaction(async (trx) => {
    if (await trx.identity_providers.find({ id })) throw conflict('identity_provider', `Duplicate entry found with ID ${id}`);
    if ((await trx.identity_providers.count()) >= providersMost)
      throw new Fault('forbidden', { detail: `There are ${providersMost} identity providers already.` });
    await refuseRemoteIds(trx, { id, remote_ids: fields.remote_ids ?? [] });
    const home = domain_id ? await usableDomain({ ...context, store: trx }, domain_id) : await ownDomain(trx, id);
    const empty = { enabled: false, description: null, authorization_ttl: null, remote_ids: [] };
    return trx.identity_providers.insert({ id, domain_id: home, ...empty, ...given(fields) });
  });
}

function given({ enabled, description, authorization_ttl, remote_ids }: ProviderFields): Partial<IdentityProvider> {
  return {
    ...(enabled !== undefined && { enabled }),
    ...(description !== undefined && { description }),
    ...(authorization_ttl !== undefined && { authorization_ttl }),
    ...(remote_ids !== undefined && { remote_ids: [...(remote_ids ?? [])] }),
  };
}

async function ownDomain(store: Store, id: string): Promise<string> {
  const domain_id = randomUUID().replaceAll('-', '');
  const description = `Auto generated federated domain for Identity Provider: ${id}`;
  return (await createDomain({ store }, { name: domain_id, description }, domain_id)).id;
}

/** Its users are told apart by what the provider calls them, so that no other provider may have the same domain. */
async function usableDomain(context: DirectoryContext, domain_id: string): Promise<string> {
  const { id } = await getDomain(context, domain_id);
  refuseWrite(context, { domain_id: id });
  const [other] = await context.store.identity_providers.list({ domain_id: id });
  if (other) throw conflict('identity_provider', `The domain ${id} is that of the identity provider ${other.id}`);
  if (id === defaultDomainId)
    throw new Fault('forbidden', {
      detail: `Domain ${id} has the administrator of the settings and cannot be an identity provider's.`,
    });
  return id;
}

async function refuseRemoteIds(
  store: Store,
  { id, remote_ids }: Pick<IdentityProvider, 'id'> & { remote_ids: readonly string[] },
) {
  for (const other of await store.identity_providers.list()) {
    const taken = other.id === id ? undefined : remote_ids.find((each) => other.remote_ids.includes(each));
    if (taken !== undefined) throw conflict('identity_provider', `Duplicate remote ID: ${taken}`);
  }
}

export function updateProvider({ store }: StoreContext, id: string, fields: ProviderFields): Promise<IdentityProvider> {
  return store.transaction(async (trx) => {
    const provider = await getProvider({ store: trx }, id);
    const changed = { ...provider, ...given(fields) };
    await refuseRemoteIds(trx, changed);
    await trx.identity_providers.update({ id }, changed);
    // Enabling it again does not make them good again.
    if (provider.enabled && !changed.enabled) await trx.users.revokeTokensOfDomain(provider.domain_id);
    return changed;
  });
}

export async function deleteProvider({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    const { domain_id } = await getProvider({ store: trx }, id);
    await removeProvider(trx, { id, domain_id });
  });
}

/** Its users stay, without a way to log in. */
export async function removeProvider(store: Store, { id, domain_id }: Pick<IdentityProvider, 'id' | 'domain_id'>): Promise<void> {
  await store.federation_protocols.remove({ idp_id: id });
  await store.identity_providers.remove({ id });
  await store.users.revokeTokensOfDomain(domain_id);
}

type ProtocolKey = { readonly idp_id: string; readonly id: string };
export type ProtocolFields = { readonly mapping_id: string; readonly remote_id_attribute?: string | null };

/** @throws Fault `notFound` */
export async function getProtocol({ store }: StoreContext, key: ProtocolKey): Promise<FederationProtocol> {
  const protocol = await store.federation_protocols.find(key);
  if (!protocol) throw new Fault('notFound', { what: 'federated protocol', id: `${key.id} for Identity Provider ${key.idp_id}` });
  return protocol;
}

export async function listProtocols({ store }: StoreContext, idp_id: string): Promise<FederationProtocol[]> {
  await getProvider({ store }, idp_id);
  return store.federation_protocols.list({ idp_id }, { orderBy: 'id' });
}

export function createProtocol({ store }: StoreContext, key: ProtocolKey, fields: ProtocolFields): Promise<FederationProtocol> {
  return store.transaction(async (trx) => {
    await getProvider({ store: trx }, key.idp_id);
    await checkMapping(trx, fields.mapping_id);
    const all = await trx.federation_protocols.list({ idp_id: key.idp_id });
    if (all.some(({ id }) => id === key.id)) throw conflict('federation_protocol', `Duplicate entry found with ID ${key.id}`);
    if (all.length >= protocolsMost)
      throw new Fault('forbidden', { detail: `${key.idp_id} has ${protocolsMost} protocols already.` });
    const { mapping_id, remote_id_attribute = null } = fields;
    return trx.federation_protocols.insert({ ...key, mapping_id, remote_id_attribute });
  });
}

export function updateProtocol(
  { store }: StoreContext,
  key: ProtocolKey,
  { mapping_id, remote_id_attribute }: Partial<ProtocolFields>,
): Promise<FederationProtocol> {
  return store.transaction(async (trx) => {
    const protocol = await getProtocol({ store: trx }, key);
    if (mapping_id !== undefined) await checkMapping(trx, mapping_id);
    const changed = {
      ...protocol,
      ...(mapping_id !== undefined && { mapping_id }),
      ...(remote_id_attribute !== undefined && { remote_id_attribute }),
    };
    await trx.federation_protocols.update({ ...key }, changed);
    return changed;
  });
}

export async function deleteProtocol({ store }: StoreContext, key: ProtocolKey): Promise<void> {
  await store.transaction(async (trx) => {
    await getProtocol({ store: trx }, key);
    await trx.federation_protocols.remove({ ...key });
  });
}

async function checkMapping(store: Store, id: string): Promise<void> {
  if (!(await store.federation_mappings.find({ id }))) throw new Fault('badRequest', { detail: `Mapping ${id} does not exist.` });
}

function conflict(type: string, details: string): Fault {
  return new Fault('conflict', { detail: `Conflict occurred attempting to store ${type} - ${details}.` });
}
