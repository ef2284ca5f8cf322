/** The links that Keystone adds to a collection and to each member. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { ApiContext } from '../context.ts';
import { nextUrl, pageOf } from '../http/pagination.ts';

/** The page of a collection; without parameters the whole collection. */
export const pageQuery = { limit: Type.Optional(Type.Integer({ minimum: 0 })), marker: Type.Optional(Type.String()) };
const PageQuery = Type.Object(pageQuery);

/** Of collections that are not in the database. Clients that read until an empty page would loop for ever if `marker` were ignored. */
export function pageOfCollection<T extends { readonly id: string }>(
  context: ApiContext,
  request: FastifyRequest,
  { path, all, query: { limit, marker } }: { path: string; all: readonly T[]; query: Static<typeof PageQuery> },
) {
  const { items, next } = pageOf(all, { limit: limit || undefined, marker, idOf: ({ id }) => id });
  const links = linksTo(context, request, path);
  return { items, links: next === undefined ? links : { ...links, next: nextUrl(context, request, next) } };
}

/** Of a collection: `self` has the query with which it was asked for. */
export function linksTo(context: ApiContext, request: FastifyRequest, path: string) {
  const start = request.url.indexOf('?');
  const query = start < 0 ? '' : request.url.slice(start);
  return { self: `${context.baseUrl(request)}/identity/v3${path}${query}`, previous: null, next: null };
}

export function selfLink(context: ApiContext, request: FastifyRequest, path: string) {
  return { self: `${context.baseUrl(request)}/identity/v3${path}` };
}
