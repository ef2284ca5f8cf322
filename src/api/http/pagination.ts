/** Links to the next page, and how pages are read. */
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from '../context.ts';

export { type Page, type PageRequest, type PageSource, pageOf, readPage } from '#services/pages.ts';

/** URL of the next page: the same request with a new marker. */
export function nextUrl(context: ApiContext, request: FastifyRequest, marker: string): string {
  const url = new URL(request.url, context.baseUrl(request));
  url.searchParams.set('marker', marker);
  return url.toString();
}

/** The format of Ironic: a member `next` unless it is the last page. */
export function nextMember(context: ApiContext, request: FastifyRequest, marker: string | undefined): { next?: string } {
  return marker === undefined ? {} : { next: nextUrl(context, request, marker) };
}

/** The format of Nova and Neutron: `[{ rel: 'next', href }]`, empty on the last page. */
export function nextLinks(context: ApiContext, request: FastifyRequest, marker: string | undefined) {
  return marker === undefined ? [] : [{ rel: 'next', href: nextUrl(context, request, marker) }];
}
