/** Unknown query parameters: Nova ignores them up to microversion 2.74 and rejects them from 2.75 on. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { atLeast } from '../http/microversions.ts';
import { requestSchemas } from '../http/register-routes.ts';
import { strictQuerySince } from './conventions.ts';

/** A preValidation hook. A route without a query schema has none in Nova either, and accepts anything. */
export async function refuseUnknownQuery(request: FastifyRequest): Promise<void> {
  if (!atLeast(request.microversion, strictQuerySince)) return;
  const { properties: known } = (requestSchemas(request).query ?? {}) as { properties?: object };
  if (!known) return;
  const unknown = Object.keys(request.query as object).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => `'${name}'`).join(', ');
  const detail = `Additional properties are not allowed (${names} ${unknown.length > 1 ? 'were' : 'was'} unexpected)`;
  throw new Fault('badRequest', { detail });
}
