/** Filters and sort order of image lists. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { ShortImage } from '#store/image-list.ts';
import type { Image } from '#store/tables/images.ts';
import { maySee } from './image-access.ts';
import { isProperty } from './image-json.ts';

/** Any other name is a filter on a free property (TypeBox would convert named ones by a schema for the others). */
export const ImageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  sort: Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  sort_dir: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  visibility: Type.Optional(Type.String()),
  member_status: Type.Optional(Type.String()),
  os_hidden: Type.Optional(Type.String()),
  protected: Type.Optional(Type.Boolean()),
  size_min: Type.Optional(Type.Integer()),
  size_max: Type.Optional(Type.Integer()),
  tag: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
});
export type ImageQuery = Static<typeof ImageQuery>;

const named = new Set(Object.keys(ImageQuery.properties));

export type ImageFilter = {
  isListed(image: ShortImage): boolean;
  /** Tests tags and properties, which are read only for the remaining rows. */
  isWanted(image: Image): boolean;
};

/** Parses the query once: a request line has room for thousands of values. */
export function filterOf(query: ImageQuery, caller: Caller): ImageFilter {
  const tags = [...new Set([query.tag ?? []].flat())];
  const others = Object.entries(query).filter(([name]) => !named.has(name));
  const times = others.flatMap(([name, value]) => (isTime(name) ? [value].flat().map((text) => readTimeFilter(name, text)) : []));
  const attributes = others.filter(([name]) => !isProperty(name) && !isTime(name)).map(readWanted);
  const properties = others.filter(([name]) => isProperty(name)).map(readWanted);
  return {
    isListed: (image) =>
      isListed(caller, image, query.visibility) &&
      !isTrue(query.os_hidden) &&
      (query.protected ?? image.protected) === image.protected &&
      (query.size_min === undefined || (image.size ?? 0) >= query.size_min) &&
      (query.size_max === undefined || (image.size ?? 0) <= query.size_max) &&
      times.every((isWithin) => isWithin(image)) &&
      attributes.every(({ name, values }) => values.has(String(image[name as keyof ShortImage] ?? ''))),
    isWanted(image) {
      const own = new Set(image.tags);
      return (
        tags.every((tag) => own.has(tag)) && properties.every(({ name, values }) => values.has(propertyOf(image, name) ?? ''))
      );
    },
  };
}

/** Community images are listed only on request, as in Glance: any user can create one. */
function isListed(caller: Caller, image: ShortImage, visibility: string | undefined): boolean {
  if (image.status === 'deleted' || !maySee(caller, image)) return false;
  if (visibility !== undefined && visibility !== 'all') return image.visibility === visibility;
  return visibility === 'all' || image.visibility !== 'community' || image.owner === caller.project_id;
}

/** Glance's `in:a,b` lists alternatives, and so does a repeated parameter. */
function readWanted([name, value]: [string, unknown]): { name: string; values: ReadonlySet<string> } {
  const texts = [value].flat().map(String);
  const alternatives = texts.flatMap((text) => (text.startsWith('in:') ? text.slice(3).split(',') : [text]));
  return { name, values: new Set(alternatives.map(unquote)) };
}

const isTime = (name: string): name is 'created_at' | 'updated_at' => name === 'created_at' || name === 'updated_at';

const comparisonTable: Readonly<Record<string, (time: number, limit: number) => boolean>> = {
  gt: (time, limit) => time > limit,
  gte: (time, limit) => time >= limit,
  lt: (time, limit) => time < limit,
  lte: (time, limit) => time <= limit,
  eq: (time, limit) => time === limit,
  neq: (time, limit) => time !== limit,
};

/** `gt:2026-01-31T00:00:00Z`, or only a time. Compares the shown times of images: whole seconds. */
function readTimeFilter(name: 'created_at' | 'updated_at', value: unknown): (image: ShortImage) => boolean {
  const [, operator = 'eq', time = ''] = /^(?:([a-z]+):)?(.*)$/.exec(String(value)) ?? [];
  const compareTimes = Object.hasOwn(comparisonTable, operator) ? comparisonTable[operator] : undefined;
  if (!compareTimes) {
    const detail = `Unable to filter ${name} on the operator ${operator}: it must be one of ${Object.keys(comparisonTable).join(', ')}.`;
    throw new Fault('badRequest', { detail });
  }
  const limit = secondOf(/[T ][\d:.]+$/.test(time) ? `${time}Z` : time);
  if (!/^\d{4}-\d\d-\d\d/.test(time) || Number.isNaN(limit))
    throw new Fault('badRequest', { detail: `Invalid ${name} ${time}: it must be a time in ISO 8601.` });
  return (image) => compareTimes(secondOf(image[name]), limit);
}

const secondOf = (time: string) => Math.floor(Date.parse(time) / 1000);

function propertyOf({ properties }: Image, name: string): string | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

const unquote = (text: string) => text.replace(/^"(.*)"$/, '$1');

function isTrue(text: string | undefined): boolean {
  return ['true', '1', 'yes'].includes(text?.toLowerCase() ?? '');
}

type SortKey = { field: keyof ShortImage; descending: boolean };
const sortable: readonly (keyof ShortImage)[] = [
  'name',
  'status',
  'disk_format',
  'container_format',
  'size',
  'virtual_size',
  'id',
  'owner',
  'created_at',
  'updated_at',
];

export function sortImages(images: readonly ShortImage[], query: ImageQuery): ShortImage[] {
  const keys: SortKey[] = [...sortKeys(query), { field: 'created_at', descending: true }, { field: 'id', descending: true }];
  return images.toSorted((a, b) => {
    for (const { field, descending } of keys) {
      const order = compare(a[field], b[field]);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

/** Either `sort=name:asc,size:desc` or the older pairs of sort_key and sort_dir. A repeated key has no effect. */
function sortKeys(query: ImageQuery): SortKey[] {
  const directions = [query.sort_dir ?? []].flat();
  const pairs = query.sort
    ? query.sort.split(',').map((pair) => pair.split(':'))
    : [query.sort_key ?? []].flat().map((key, index) => [key, directions[index] ?? directions[0]]);
  const keys = new Map<string, SortKey>();
  for (const [name = '', direction = 'desc'] of pairs) {
    const field = sortable.find((each) => each === name);
    if (!field) throw new Fault('badRequest', { detail: `Invalid sort key ${name}: it must be one of ${sortable.join(', ')}.` });
    if (!keys.has(field)) keys.set(field, { field, descending: direction !== 'asc' });
  }
  return [...keys.values()];
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}
