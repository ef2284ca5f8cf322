/** Neutron's lists (neutron/api/api_common.py): filters by field, `fields`, `sort_key`, `limit`, `marker`, `page_reverse`. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { mostTags } from '#services/network/tags.ts';
import { allOf, anyOf, type Condition, compares, hasItem, isNot, nothing } from '#store/conditions.ts';
import type { ListPage, ListQuery } from '#store/list.ts';
import { isSharedWith, type SharedType } from '#store/tables/rbac-policies.ts';
import type { ApiContext } from '../context.ts';
import { integerField, type ListField, type ListFields, requireBoolean, textField, textFields } from '../http/list.ts';
import type { Links } from '../http/schemas.ts';

const Texts = Type.Union([Type.String(), Type.Array(Type.String())]);
type Query = Record<string, string | string[]>;

/** Query parameters that are not filters. */
const controls: ReadonlySet<string> = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);

/** The query of one resource. */
export const fieldsQuery = Type.Object({ fields: Type.Optional(Texts) });

/** The query of a list: filters by these fields, and what shapes the reply. Others are rejected by `readNetworkQuery`. */
export function listQuery(fields: ListFields) {
  const filters = Object.keys(fields).filter((name) => fields[name]?.filter);
  const known = Object.fromEntries([...controls, ...filters].map((name) => [name, Type.Optional(Texts)]));
  return Type.Object(known, { additionalProperties: Texts });
}

/** Fields of resources with revisions. */
export const revisedFields: ListFields = {
  tenant_id: textField('project_id'),
  revision_number: integerField('revision_number'),
  changed_since: { filter: (times) => compares('updated_at', '>=', times.map(timeOf).sort().at(-1) ?? '') },
  ...textFields('id', 'project_id', 'description', 'created_at', 'updated_at'),
};

/** A value is one tag or several with commas between them. */
const tagsIn = (values: readonly string[]) => [...new Set(values.flatMap((value) => value.split(',')))];

/** Nothing has more tags than it can have: databases do not accept conditions of any size. */
function allTags(values: readonly string[]): Condition {
  const tags = tagsIn(values);
  return tags.length > mostTags ? nothing : allOf(...tags.map((tag) => hasItem('tags', [tag])));
}

const anyTag = (values: readonly string[]) => hasItem('tags', tagsIn(values));

/** Fields of resources with revisions, names and tags. */
export const taggedFields: ListFields = {
  ...revisedFields,
  ...textFields('name'),
  tags: { filter: allTags },
  'tags-any': { filter: anyTag },
  'not-tags': { filter: (values) => isNot(allTags(values)) },
  'not-tags-any': { filter: (values) => isNot(anyTag(values)) },
};

/** Whether it is shared with the caller's project, as the field is shown. */
export function sharedField(object_type: SharedType, project_id: string): ListField {
  const shared = isSharedWith(object_type, project_id);
  return {
    filter: (values) => anyOf(...values.map((value) => (requireBoolean(value) ? shared : isNot(shared)))),
  };
}

function timeOf(text: string): string {
  const time = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new Fault('invalidInput', { detail: `'${text}' is not a valid time in ISO 8601` });
  return time.toISOString();
}

/** @throws Fault `badRequest` for an unknown filter or sort key, as Neutron with its extension `filter-validation` */
export function readNetworkQuery(parameters: unknown, fields: ListFields): ListQuery {
  const query = parameters as Query;
  return {
    where: readFilters(query, fields),
    sort: readSort(query, fields),
    limit: readLimit(first(query['limit'])),
    marker: first(query['marker']),
    reverse: first(query['page_reverse'])?.toLowerCase() === 'true',
  };
}

/** Of an invalid query: webob's name, as Neutron's. */
const type = 'HTTPBadRequest';

function readFilters(query: Query, fields: ListFields): Condition[] {
  const wanted = Object.entries(query).filter(([name]) => !controls.has(name));
  const unknown = wanted.filter(([name]) => !filterOf(fields, name)).map(([name]) => name);
  if (unknown.length > 0)
    throw new Fault('badRequest', { detail: `${quoted(unknown)} is invalid attribute for filtering`, type });
  return wanted.flatMap(([name, value]) => filterOf(fields, name)?.([...new Set([value].flat())]) ?? []);
}

const filterOf = (fields: ListFields, name: string) => (Object.hasOwn(fields, name) ? fields[name]?.filter : undefined);

/** A key without a direction is ascending. */
function readSort(query: Query, fields: ListFields): { column: string; descending: boolean }[] {
  const keys = [query['sort_key'] ?? []].flat();
  const directions = [query['sort_dir'] ?? []].flat();
  if (!directions.every((direction) => direction === 'asc' || direction === 'desc'))
    throw new Fault('badRequest', { detail: "The sort_dirs value is invalid, valid value is 'asc' and 'desc'", type });
  const columnsOf = (key: string) => (Object.hasOwn(fields, key) ? fields[key]?.sort : undefined);
  const unknown = keys.filter((key) => columnsOf(key) === undefined);
  if (unknown.length > 0)
    throw new Fault('badRequest', { detail: `${quoted(unknown)} is invalid attribute for sort_keys`, type });
  return keys.flatMap((key, index) =>
    (columnsOf(key) ?? []).map((column) => ({ column, descending: directions[index] === 'desc' })),
  );
}

const quoted = (names: readonly string[]) => `[${names.map((name) => `'${name}'`).join(', ')}]`;

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Fault('badRequest', {
    detail: `Bad limit request: Limit must be an integer 0 or greater and not '${text}'.`,
    type: 'BadRequest',
  });
}

type Call = { readonly request: FastifyRequest; readonly context: ApiContext };
type ListBody<Plural extends string, T> = { [Name in Plural]: T[] } & { [Name in `${Plural}_links`]?: Static<typeof Links> };

/** `{ networks: […], networks_links: […] }`. A list that is longer than a page has links even without `limit`. */
export function listBody<const Plural extends string, T extends { readonly id?: string }>(
  { request, context }: Call,
  plural: Plural,
  page: ListPage<T>,
): ListBody<Plural, T> {
  const links = linksOf({ request, context }, page);
  const items = page.items.map((body) => project(body, request.query));
  return { [plural]: items, ...(links.length > 0 && { [`${plural}_links`]: links }) } as ListBody<Plural, T>;
}

/** With `page_reverse`, the page that follows is the one that the client came from. */
function linksOf(call: Call, { items, next }: ListPage<{ readonly id?: string }>): Static<typeof Links> {
  const { page_reverse, marker } = call.request.query as Query;
  const isReverse = first(page_reverse)?.toLowerCase() === 'true';
  const following = isReverse ? marker && items.at(-1)?.id : next;
  const previous = isReverse ? next : undefined;
  return [
    ...(following ? [{ rel: 'next', href: urlOf(call, { marker: following, isReverse: false }) }] : []),
    ...(previous ? [{ rel: 'previous', href: urlOf(call, { marker: previous, isReverse: true }) }] : []),
  ];
}

function urlOf({ request, context }: Call, { marker, isReverse }: { marker: string; isReverse: boolean }): string {
  const url = new URL(request.url, context.baseUrl(request));
  url.searchParams.set('marker', marker);
  if (isReverse) url.searchParams.set('page_reverse', 'True');
  else url.searchParams.delete('page_reverse');
  return url.toString();
}

/** Only the fields listed in `fields`, if given. */
export function project<T extends object>(body: T, query: unknown): T {
  const fields = [(query as Query)['fields'] ?? []].flat();
  if (fields.length === 0) return body;
  return Object.fromEntries(Object.entries(body).filter(([field]) => fields.includes(field))) as T;
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
