/** Query parameters by name: Nova forgets those that it does not know up to microversion 2.74, and refuses them from then on. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { atLeast } from '../microversions.ts';

const strictSince = 75;

/** A preValidation hook. A route without a schema for its query has none in Nova either, and takes anything. */
export async function refuseUnknownQuery(request: FastifyRequest): Promise<void> {
  if (!atLeast(request.microversion, strictSince)) return;
  const { querystring } = (request.routeOptions.schema ?? {}) as { querystring?: { properties?: object } };
  const known = querystring?.properties;
  if (!known) return;
  const unknown = Object.keys(request.query as object).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => `'${name}'`).join(', ');
  const detail = `Additional properties are not allowed (${names} ${unknown.length > 1 ? 'were' : 'was'} unexpected)`;
  throw new Fault('badRequest', { detail });
}
