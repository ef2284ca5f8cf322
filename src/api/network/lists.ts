/** Lists in Neutron's style: every shown field is a filter, and `fields`, `sort_key`, `limit` shape the response. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import { nextLinks, type Page, pageOf } from '../http/pagination.ts';

export type Body = { id: string; [field: string]: unknown };
export type Query = Record<string, string | string[]>;

export const ListQuery = Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]));
export const ById = Type.Object({ id: Type.String() });

/** Query parameters that are not filters. */
const controls = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);

export function filtersOf(query: Query): [name: string, values: string[]][] {
  return Object.entries(query).flatMap(([name, wanted]) => (controls.has(name) ? [] : [[name, [wanted].flat()]]));
}

/** Each key once, with its first direction: a repeated key has no effect, and a URL has room for hundreds. */
export function sortKeysOf(query: Query): { key: string; descending: boolean }[] {
  const directions = [query['sort_dir'] ?? []].flat();
  const keys = [query['sort_key'] ?? []].flat();
  if (!directions.every((direction) => direction === 'asc' || direction === 'desc'))
    throw new Fault('badRequest', { detail: "The sort_dirs value is invalid, valid value is 'asc' and 'desc'" });
  return [...new Set(keys)].map((key) => ({ key, descending: directions[keys.indexOf(key)] === 'desc' }));
}

/** `{ networks: […], networks_links: […] }` */
export function listReply(
  context: ApiContext,
  request: FastifyRequest,
  { plural, all }: { plural: string; all: Body[] },
): object {
  const query = request.query as Query;
  const sorted = sort(filter(all, query, plural), query);
  const page = pageOf(sorted, { limit: limitOf(query), marker: first(query['marker']), idOf: ({ id }) => id });
  const links = query['limit'] === undefined ? [] : nextLinks(context, request, page.next);
  return { [plural]: page.items.map((body) => project(body, query)), ...(links.length > 0 && { [`${plural}_links`]: links }) };
}

/** As `listReply`, for a page from the database: if the list was too large, it has a next link even without `limit`. */
export function pageReply(
  context: ApiContext,
  request: FastifyRequest,
  { plural, page }: { plural: string; page: Page<Body> },
): object {
  const links = nextLinks(context, request, page.next);
  return {
    [plural]: page.items.map((body) => project(body, request.query)),
    ...(links.length > 0 && { [`${plural}_links`]: links }),
  };
}

/** Only the fields listed in `fields`, if given. */
export function project(body: Body, query: unknown): object {
  const fields = [(query as Query)['fields'] ?? []].flat();
  if (fields.length === 0) return body;
  return Object.fromEntries(Object.entries(body).filter(([field]) => fields.includes(field)));
}

function filter(all: readonly Body[], query: Query, plural: string): Body[] {
  const filters = filtersOf(query);
  const unknown = filters.find(([name]) => all[0] && !Object.hasOwn(all[0], name));
  if (unknown) throw new Fault('badRequest', { detail: `${unknown[0]} is not a valid filter for ${plural}.` });
  return all.filter((body) => filters.every(([name, wanted]) => wanted.some((value) => matches(body[name], value))));
}

function matches(field: unknown, wanted: string): boolean {
  if (typeof field === 'boolean') return field === ['true', '1', 'yes', 'on'].includes(wanted.toLowerCase());
  if (Array.isArray(field)) return field.some((item) => matchesItem(item, wanted));
  return String(field ?? '') === wanted;
}

/** Filters on fixed IPs have the form `ip_address=10.0.0.5` or `subnet_id=…`; plain items are compared as they are. */
function matchesItem(item: unknown, wanted: string): boolean {
  if (typeof item !== 'object' || item === null) return String(item) === wanted;
  const [name = '', ...value] = wanted.split('=');
  return String((item as Record<string, unknown>)[name]) === value.join('=');
}

function sort(items: Body[], query: Query): Body[] {
  const keys = sortKeysOf(query).map(({ key, descending }) => ({ key, sign: descending ? -1 : 1 }));
  const unknown = keys.filter(({ key }) => items[0] && !Object.hasOwn(items[0], key));
  if (unknown.length > 0)
    throw new Fault('badRequest', { detail: `${unknown.map(({ key }) => key).join(', ')} is invalid attribute for sort_keys` });
  return items.toSorted((a, b) => keys.map(({ key, sign }) => sign * compare(a[key], b[key])).find((order) => order !== 0) ?? 0);
}

function compare(a: unknown, b: unknown): number {
  const [left, right] = typeof a === 'number' && typeof b === 'number' ? [a, b] : [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}

export function limitOf(query: Query): number | undefined {
  const text = first(query['limit']);
  if (text === undefined || text === '0') return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new Fault('badRequest', { detail: `Limit must be a whole number of 0 or more, not ${text}.` });
  return Number(text);
}

export function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
