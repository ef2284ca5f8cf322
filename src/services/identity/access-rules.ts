/** Access rules of application credentials: which requests their tokens may be used for. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { patternMatcher } from '#domain/path-patterns.ts';
import { hasItem, isEqual } from '#store/conditions.ts';
import { type ListPage, type ListQuery, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { AccessRule } from '#store/tables/access-rules.ts';
import type { StoreContext } from './context.ts';
import { expecting } from './expecting.ts';
import { wholeList } from './lists.ts';

/** A rule of a request: one that the user has, by its id, or what a new one allows. */
export type AccessRuleFields = Partial<Omit<AccessRule, 'user_id'>>;

type AskedRequest = { readonly service: string; readonly method: string; readonly path: string };

/**
 * As keystonemiddleware decides. `path` is that of the URL, which has the name of the service before that of its version; the
 * rule may leave it out, as where each service has a host of its own.
 */
export function isPermitted(rules: readonly AccessRule[], { service, method, path }: AskedRequest): boolean {
  const asked = withoutExtraSlashes(path);
  // Clients check their token by it.
  if (method === 'GET' && asked === '/identity/v3/auth/tokens') return true;
  const matchers = [asked, asked.slice(`/${service}`.length)].map(patternMatcher);
  return rules.some((rule) => {
    if (rule.service !== service || rule.method !== method) return false;
    const pattern = withoutExtraSlashes(rule.path);
    return matchers.some((matches) => matches(pattern));
  });
}

/** The router takes double slashes for one, and leaves out a last one. */
const withoutExtraSlashes = (path: string) => path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');

export function listAccessRules({ store }: StoreContext, user_id: string, query: ListQuery): Promise<ListPage<AccessRule>> {
  const source = { collection: store.access_rules, table: listTables.access_rules };
  return listRows({ ...source, visible: [isEqual('user_id', user_id)], maximum: wholeList }, query);
}

/** @throws Fault `notFound` */
export async function getAccessRule({ store }: StoreContext, where: { id: string; user_id: string }): Promise<AccessRule> {
  const rule = await store.access_rules.find(where);
  if (!rule) throw new Fault('notFound', { what: 'Access Rule', id: where.id });
  return rule;
}

/** Without it, the credentials that have the rule would allow less, or everything. */
export async function deleteAccessRule({ store }: StoreContext, where: { id: string; user_id: string }): Promise<void> {
  await store.transaction(async (trx) => {
    const { id, user_id } = await getAccessRule({ store: trx }, where);
    const users = await trx.application_credentials.list([isEqual('user_id', user_id), hasItem('access_rules', [id])], {
      limit: 1,
    });
    if (users.length > 0) throw new Fault('forbidden', { detail: 'May not delete access rule in use' });
    await trx.access_rules.remove({ id });
  });
}

/** The ids of a credential's rules; those that the user does not have yet are made. Call in a transaction. */
export async function accessRulesFor(store: Store, user_id: string, asked: readonly AccessRuleFields[]): Promise<string[]> {
  const ids: string[] = [];
  for (const fields of asked) ids.push(await accessRuleFor(store, user_id, fields));
  return [...new Set(ids)];
}

/** An id is that of a rule of the user, or means nothing: another user's rule is not found, and no client chooses an id. */
async function accessRuleFor(store: Store, user_id: string, { id, ...fields }: AccessRuleFields): Promise<string> {
  const { service, method, path } = fields;
  const given = Object.entries({ service, method, path }).filter(([, value]) => value !== undefined);
  const known = id === undefined ? undefined : await store.access_rules.find({ id, user_id });
  if (known && given.every(([name, value]) => known[name as keyof AccessRule] === value)) return known.id;
  if (known) throw new Fault('badRequest', { detail: `The access rule ${known.id} allows something else.` });
  if (service === undefined || method === undefined || path === undefined)
    throw expecting('service, method and path', 'access rule');
  const same = await store.access_rules.find({ user_id, service, method, path });
  if (same) return same.id;
  await refuseMany(store, user_id);
  const rule = { id: randomUUID().replaceAll('-', ''), user_id, service, method, path };
  return (await store.access_rules.insert(rule)).id;
}

const mostEach = 1000;

async function refuseMany({ access_rules }: Store, user_id: string): Promise<void> {
  if ((await access_rules.pick(['id'], { user_id }, { limit: mostEach })).length < mostEach) return;
  throw new Fault('forbidden', { detail: `Unable to create additional access rules: the user has ${mostEach} already.` });
}
