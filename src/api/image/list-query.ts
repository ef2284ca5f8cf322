/** Glance's lists (glance/api/v2/images.py): filters by attribute, property and tag, `sort`, `limit`, `marker`. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { isProperty, visibilities } from '#services/image/attributes.ts';
import { memberStatuses } from '#services/image/members.ts';
import type { PropertyProtections } from '#services/image/property-protections.ts';
import {
  allOf,
  anyOf,
  type Condition,
  compares,
  everything,
  hasItem,
  hasMember,
  isEqual,
  isNot,
  nothing,
} from '#store/conditions.ts';
import { isSeenBy } from '#store/image-access.ts';
import type { Order } from '#store/keyset.ts';
import type { ListQuery } from '#store/list.ts';
import { integerField, type ListFields, nullableField, textFields } from '../http/list.ts';

const Texts = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]));

/** Any other name is a filter on a free property (TypeBox would convert named ones by a schema for the others). */
export const ImageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  sort: Type.Optional(Type.String()),
  sort_key: Texts,
  sort_dir: Texts,
  visibility: Type.Optional(Type.String()),
  member_status: Type.Optional(Type.String()),
  os_hidden: Type.Optional(Type.String()),
  protected: Type.Optional(Type.String()),
  size_min: Type.Optional(Type.Integer()),
  size_max: Type.Optional(Type.Integer()),
  tag: Texts,
});
export type ImageQuery = Static<typeof ImageQuery>;

const named = new Set(Object.keys(ImageQuery.properties));

/** Glance's `limit_param_default` and `api_limit_max`. */
export const defaultLimit = 25;
export const largestLimit = 1000;

/** Attributes that are columns. All others are the same for all images, or paths. */
const imageFields: ListFields = {
  ...textFields('id', 'status', 'owner', 'created_at', 'updated_at'),
  ...Object.fromEntries(['name', 'disk_format', 'container_format'].map((name) => [name, nullableField(name)])),
  ...Object.fromEntries(
    ['checksum', 'os_hash_algo', 'os_hash_value'].map((name) => [name, { ...nullableField(name), sort: undefined }]),
  ),
  ...Object.fromEntries(['size', 'virtual_size'].map((name) => [name, integerField(name)])),
  ...Object.fromEntries(['min_disk', 'min_ram'].map((name) => [name, { ...integerField(name), sort: undefined }])),
};
const sortable = Object.keys(imageFields).filter((name) => imageFields[name]?.sort);

/** @throws Fault `badRequest` */
export function readImageQuery(query: ImageQuery, caller: Caller, protections: PropertyProtections): ListQuery {
  const limit = Math.min(query.limit ?? defaultLimit, largestLimit);
  return {
    where: [...readFilters(query, caller), ...hiddenFilters(query, caller, protections)],
    sort: readSort(query),
    limit,
    marker: query.marker,
  };
}

/** What a property is cannot be found out by a filter if it may not be read. */
function hiddenFilters(query: ImageQuery, caller: Caller, protections: PropertyProtections): Condition[] {
  const names = Object.keys(query).filter((name) => !named.has(name) && isProperty(name));
  return names.every((name) => protections.allows(caller, 'read', name)) ? [] : [nothing];
}

function readFilters(query: ImageQuery, caller: Caller): Condition[] {
  const tags = [...new Set([query.tag ?? []].flat())];
  const others = Object.entries(query).filter(([name]) => !named.has(name));
  return [
    listedBy(caller, query.visibility),
    sharedAs(caller, query.member_status ?? 'accepted'),
    isEqual('os_hidden', readFlag('os_hidden', query.os_hidden ?? 'false')),
    ...(query.protected === undefined ? [] : [isEqual('protected', readFlag('protected', query.protected))]),
    ...readSizes(query),
    ...others.map(([name, value]) => attributeFilter(name, [value].flat().map(String))),
    ...tags.map((tag) => hasItem('tags', [tag])),
  ];
}

/** Community images are listed only on request, as in Glance: any user can create one. */
function listedBy(caller: Caller, visibility: string | undefined): Condition {
  refuseOther('visibility', visibility, [...visibilities, 'all']);
  if (visibility === 'all') return everything;
  if (visibility !== undefined) return isEqual('visibility', visibility);
  return anyOf(isNot(isEqual('visibility', 'community')), isEqual('owner', caller.project_id));
}

/** Of the images shared with a project, lists show those that it has accepted. */
function sharedAs(caller: Caller, status: string): Condition {
  if (!['all', ...memberStatuses].includes(status)) throw new Fault('badRequest', { detail: `Invalid status: ${status}` });
  return status === 'all' ? everything : isSeenBy(caller, status);
}

function refuseOther(name: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) throw new Fault('badRequest', { detail: `Invalid ${name} value: ${value}` });
}

function readFlag(name: string, text: string): boolean {
  const known = text.toLowerCase();
  if (known === 'true' || known === 'false') return known === 'true';
  const detail = `Invalid value '${text}' for '${name}' filter. Valid values are 'true' or 'false'.`;
  throw new Fault('badRequest', { detail });
}

/** An image without data has size 0. */
function readSizes({ size_min, size_max }: ImageQuery): Condition[] {
  const hasNone = isEqual('size', null);
  return [
    ...(size_min === undefined || size_min <= 0 ? [] : [compares('size', '>=', size_min)]),
    ...(size_max === undefined ? [] : [size_max < 0 ? nothing : anyOf(hasNone, compares('size', '<=', size_max))]),
  ];
}

function attributeFilter(name: string, values: readonly string[]): Condition {
  if (name === 'created_at' || name === 'updated_at') return allOf(...values.map((value) => timeFilter(name, value)));
  const wanted = alternativesOf(values);
  if (isProperty(name)) return hasMember('properties', name, wanted);
  return imageFields[name]?.filter?.(wanted) ?? nothing;
}

/** Glance's `in:a,b` lists alternatives, and so does a repeated parameter. */
function alternativesOf(values: readonly string[]): string[] {
  const alternatives = values.flatMap((text) => (text.startsWith('in:') ? text.slice(3).split(',') : [text]));
  return [...new Set(alternatives.map((text) => text.replace(/^"(.*)"$/, '$1')))];
}

type Interval = { readonly start: string /** First time after this second. */; readonly end: string };

/** Compares the shown times of images: whole seconds. */
const comparisonTable: Readonly<Record<string, (column: string, second: Interval) => Condition>> = {
  gt: (column, { end }) => compares(column, '>=', end),
  gte: (column, { start }) => compares(column, '>=', start),
  lt: (column, { start }) => compares(column, '<', start),
  lte: (column, { end }) => compares(column, '<', end),
  eq: (column, { start, end }) => allOf(compares(column, '>=', start), compares(column, '<', end)),
  neq: (column, { start, end }) => anyOf(compares(column, '<', start), compares(column, '>=', end)),
};

/** `gt:2026-01-31T00:00:00Z`, or only a time. */
function timeFilter(name: 'created_at' | 'updated_at', value: string): Condition {
  const [, operator = 'eq', time = ''] = /^(?:([a-z]+):)?(.*)$/.exec(value) ?? [];
  const compare = Object.hasOwn(comparisonTable, operator) ? comparisonTable[operator] : undefined;
  if (!compare) {
    const detail = `Unable to filter ${name} on the operator ${operator}: it must be one of ${Object.keys(comparisonTable).join(', ')}.`;
    throw new Fault('badRequest', { detail });
  }
  const second = Math.floor(Date.parse(/[T ][\d:.]+$/.test(time) ? `${time}Z` : time) / 1000);
  if (!/^\d{4}-\d\d-\d\d/.test(time) || Number.isNaN(second))
    throw new Fault('badRequest', { detail: `Invalid ${name} ${time}: it must be a time in ISO 8601.` });
  return compare(name, { start: isoTime(second), end: isoTime(second + 1) });
}

function isoTime(second: number): string {
  return new Date(second * 1000).toISOString();
}

/** Either `sort=name:asc,size:desc` or the older pairs of sort_key and sort_dir. */
function readSort(query: ImageQuery): Order {
  const keys = [query.sort_key ?? []].flat();
  const directions = [query.sort_dir ?? []].flat();
  if (query.sort !== undefined && keys.length + directions.length > 0)
    throw new Fault('badRequest', { detail: 'Old and new sorting syntax cannot be combined' });
  if (directions.length > 1 && directions.length !== keys.length)
    throw new Fault('badRequest', { detail: 'Number of sort dirs does not match the number of sort keys' });
  const pairs = query.sort
    ? query.sort.split(',').map((pair) => pair.split(':').map((part) => part.trim()))
    : keys.map((key, index) => [key, directions[index] ?? directions[0]]);
  // A direction alone is that of the default key.
  if (pairs.length === 0 && directions[0] !== undefined) pairs.push(['created_at', directions[0]]);
  return pairs.map(([key = '', direction]) => sortKey(key, direction || 'desc'));
}

function sortKey(key: string, direction: string): Order[number] {
  if (!sortable.includes(key))
    throw new Fault('badRequest', {
      detail: `Invalid sort key: ${key}. It must be one of the following: ${sortable.join(', ')}.`,
    });
  if (direction !== 'asc' && direction !== 'desc')
    throw new Fault('badRequest', { detail: `Invalid sort direction: ${direction}` });
  return { column: key, descending: direction === 'desc' };
}
