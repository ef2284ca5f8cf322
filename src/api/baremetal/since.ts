/** Routes and fields that came with a microversion: for older ones they are not there, as in Ironic. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { atLeast, formatVersion, type Microversion } from '../microversions.ts';
import type { Field } from './fields.ts';

/** What came until then is taken at every version: clients that name none have always been understood. */
const openUntil = 78;

/** A `preValidation` hook. Throws `notFound`, for which Ironic's clients look. */
export function since(minor: number) {
  return async (request: FastifyRequest): Promise<void> => {
    if (atLeast(request.microversion, minor)) return;
    const what = `${request.method} ${request.routeOptions.url} at API version ${formatVersion(request.microversion)}`;
    throw new Fault('notFound', { what, id: `it needs 1.${minor}` });
  };
}

/** For what a client wants to write or to search by. Throws `notAcceptable`. */
export function refuseLaterFields(
  table: readonly Pick<Field<never>, 'name' | 'since'>[],
  names: Iterable<string>,
  version: Microversion,
): void {
  const asked = new Set(names);
  const later = table.find((row) => asked.has(row.name) && row.since > openUntil && !atLeast(version, row.since));
  if (later)
    throw new Fault('notAcceptable', { detail: `The field '${later.name}' needs API version 1.${later.since} or later.` });
}
