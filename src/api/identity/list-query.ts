/** Keystone's lists: filters by field and by parts of it, `sort_key`, `sort_dir`, `limit`, `marker`. Others are ignored. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type Condition, contains } from '#store/conditions.ts';
import type { ListPage, ListQuery } from '#store/list.ts';
import type { ApiContext } from '../context.ts';
import type { ListField, ListFields } from '../http/list.ts';
import { nextUrl } from '../http/pagination.ts';
import { pageQuery } from '../http/schemas.ts';
import { linksTo } from './links.ts';

const text = Type.Optional(Type.String());

/** Keystone's inexact filters, as in `name__startswith`; here they ignore case without the `i`, too. */
const partTable = { contains: 'anywhere', startswith: 'atStart', endswith: 'atEnd' } as const;
const partNames = Object.entries(partTable).flatMap(([name, place]) => [[name, place] as const, [`i${name}`, place] as const]);

/** The query of a list with these fields. */
export function listQuery(fields: ListFields) {
  const names = Object.keys(fields).flatMap((name) => [name, ...partNames.map(([part]) => `${name}__${part}`)]);
  const sort_dir = Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')]));
  return Type.Object({ ...Object.fromEntries(names.map((name) => [name, text])), ...pageQuery, sort_key: text, sort_dir });
}

type Query = {
  readonly limit?: number;
  readonly marker?: string;
  readonly sort_key?: string;
  readonly sort_dir?: string;
};

export function readListQuery(query: Query, fields: ListFields): ListQuery {
  const given = query as Readonly<Record<string, string | undefined>>;
  const where = Object.entries(fields).flatMap(([name, field]) => filtersOf(given, name, field));
  const columns = (Object.hasOwn(fields, query.sort_key ?? '') && fields[query.sort_key ?? '']?.sort) || [];
  const sort = columns.map((column) => ({ column, descending: query.sort_dir === 'desc' }));
  return { where, sort, limit: query.limit, marker: query.marker };
}

function filtersOf(query: Readonly<Record<string, string | undefined>>, name: string, { filter, sort }: ListField): Condition[] {
  const exact = query[name];
  const [column] = sort ?? [];
  return [
    ...(exact === undefined || !filter ? [] : [filter([exact])]),
    ...partNames.flatMap(([part, place]) => {
      const value = query[`${name}__${part}`];
      return column === undefined || value === undefined ? [] : [contains(column, value, place)];
    }),
  ];
}

export function collectionLinks(context: ApiContext, request: FastifyRequest, path: string, { next }: ListPage<unknown>) {
  const links = linksTo(context, request, path);
  return next === undefined ? links : { ...links, next: nextUrl(context, request, next) };
}
