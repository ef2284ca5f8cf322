/** Domains. There is one, `default`, which the first migration of scopes created. */
import { Fault } from '#domain/faults.ts';
import { isEqual, isText } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Domain } from '#store/tables/domains.ts';
import type { StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { wholeList } from './lists.ts';

/** Keystone's `[identity] default_domain_id`: where users and projects are created unless a request says otherwise. */
export const defaultDomainId = 'default';

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
