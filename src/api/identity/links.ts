/** The links Keystone puts at the end of a collection and into each member. */
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from '../context.ts';

export function linksTo(context: ApiContext, request: FastifyRequest, path: string) {
  return { self: `${context.baseUrl(request)}/identity/v3${path}`, previous: null, next: null };
}

export function selfLink(context: ApiContext, request: FastifyRequest, path: string) {
  return { self: `${context.baseUrl(request)}/identity/v3${path}` };
}
