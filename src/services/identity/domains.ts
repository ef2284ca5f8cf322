/** Domains: the owners of users, groups and projects. The first migration of scopes created `default`. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { isEqual, isNot, isText } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Domain } from '#store/tables/domains.ts';
import type { StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { wholeList } from './lists.ts';
import { changedOptions, type OptionFields, refuseUpdate } from './resource-options.ts';
import { domainScope } from './scopes.ts';

/** Keystone's `[identity] default_domain_id`: where users and projects are created unless a request says otherwise. */
export const defaultDomainId = 'default';

/** Fields that a request may set; null means empty. */
export type DomainFields = {
  readonly name: string;
  readonly description?: string | null;
  readonly enabled?: boolean;
  readonly tags?: readonly string[];
  readonly options?: OptionFields;
};

/** @throws Fault `notFound` */
export async function getDomain({ store }: StoreContext, id: string): Promise<Domain> {
  const domain = await store.domains.find({ id });
  if (!domain) throw new Fault('notFound', { what: 'Domain', id });
  return domain;
}

/** Whether the domain of a user or project is enabled: if not, as in Keystone, neither can be used. */
export async function isDomainEnabled({ store }: StoreContext, { domain_id }: { domain_id: string }): Promise<boolean> {
  return (await store.domains.find({ id: domain_id }))?.enabled ?? false;
}

export type NamedDomain = { readonly id?: string; readonly name?: string };

/** A domain as logins name it. Names are compared without case, as Keystone's database does. */
export async function findDomain({ store }: StoreContext, { id, name }: NamedDomain): Promise<Domain | undefined> {
  if (name === undefined && id === undefined) throw expecting('id or name', 'domain');
  if (name === undefined) return store.domains.find({ id: id! });
  return (await store.domains.list([isText('name', name)], { orderBy: 'name', limit: 1 }))[0];
}

/** By name. @param id the only domain that the caller may see; undefined: all */
export function listDomains({ store }: StoreContext, id: string | undefined, query: ListQuery): Promise<ListPage<Domain>> {
  const visible = id === undefined ? [] : [isEqual('id', id)];
  return listRows({ collection: store.domains, table: listTables.domains, visible, maximum: wholeList }, query);
}

/** @param id chosen by the request; default: a new one */
export function createDomain({ store }: StoreContext, fields: DomainFields, id = newId()): Promise<Domain> {
  const domain: Domain = {
    ...{ id, name: fields.name.trim(), description: fields.description ?? '', enabled: fields.enabled ?? true },
    tags: [...(fields.tags ?? [])],
    options: changedOptions({}, fields.options ?? {}),
  };
  return store.transaction(async (trx) => {
    await refuseName(trx, domain);
    const isTaken = (await trx.domains.find({ id })) ?? (await trx.projects.find({ id }));
    if (isTaken) throw conflict(`Duplicate entry found with ID ${id}`);
    return trx.domains.insert(domain);
  });
}

export async function updateDomain({ store }: StoreContext, id: string, fields: Partial<DomainFields>): Promise<Domain> {
  return store.transaction(async (trx) => {
    const domain = await getDomain({ store: trx }, id);
    refuseUpdate('domain', domain, fields);
    if (fields.enabled === false) refuseDefault(domain, 'disabled');
    const changed: Domain = {
      ...domain,
      ...(fields.name !== undefined && { name: fields.name.trim() }),
      ...(fields.description !== undefined && { description: fields.description ?? '' }),
      ...(fields.enabled !== undefined && { enabled: fields.enabled }),
      ...(fields.tags !== undefined && { tags: [...fields.tags] }),
      options: changedOptions(domain.options, fields.options ?? {}),
    };
    await refuseName(trx, changed);
    await trx.domains.update({ id }, changed);
    if (domain.enabled && !changed.enabled) await revokeTokens(trx, id);
    return changed;
  });
}

/** Of the domain, of its users and for its projects: enabling it again does not make them good again. */
async function revokeTokens(store: Store, id: string): Promise<void> {
  await store.users.revokeTokensOfDomain(id);
  await store.scope_token_revisions.revokeAll(domainScope(id));
  await store.scope_token_revisions.revokeProjectsOf(id);
}

/** The administrator of the settings is in it. */
export function refuseDefault({ id, name }: Domain, what: 'disabled' | 'deleted'): void {
  if (id !== defaultDomainId) return;
  const detail = `Domain ${name} has the administrator of the settings and cannot be ${what}.`;
  throw new Fault('forbidden', { detail });
}

/** Names differ in more than their case: logins find a domain by either. */
async function refuseName(store: Store, { id, name }: Domain): Promise<void> {
  const [other] = await store.domains.list([isText('name', name), isNot(isEqual('id', id))], { limit: 1 });
  if (other) throw conflict(`it is not permitted to have two projects acting as domains with the same name: ${name}`);
}

function conflict(details: string): Fault {
  return new Fault('conflict', { detail: `Conflict occurred attempting to store project - ${details}.` });
}

function newId(): string {
  return randomUUID().replaceAll('-', '');
}
