/** Keystone's lists: filters by field and `FIELD__contains`, `sort_key`, `sort_dir`, `limit`, `marker`. Others are ignored. */
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

/** The query of a list with these fields. */
export function listQuery(fields: ListFields) {
  const names = Object.keys(fields).flatMap((name) => [name, `${name}__contains`, `${name}__icontains`]);
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
  const parts = [query[`${name}__contains`], query[`${name}__icontains`]].filter((part) => part !== undefined);
  return [
    ...(exact === undefined || !filter ? [] : [filter([exact])]),
    ...(column === undefined ? [] : parts.map((part) => contains(column, part))),
  ];
}

export function collectionLinks(context: ApiContext, request: FastifyRequest, path: string, { next }: ListPage<unknown>) {
  const links = linksTo(context, request, path);
  return next === undefined ? links : { ...links, next: nextUrl(context, request, next) };
}
