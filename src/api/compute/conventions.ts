/** How Nova treats fields and parameters that the requested microversion does not have. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { atLeast } from '../http/microversions.ts';
import type { Conventions, UnversionedField } from '../http/register-routes.ts';

/** From this minor version on, query parameters that a route does not have are rejected; up to it they are ignored. */
export const strictQuerySince = 75;

export const computeConventions: Conventions = {
  refuseField(request: FastifyRequest, { part, field, owner }: UnversionedField): void {
    const name = field.path.at(-1) ?? '';
    if (part === 'query' && !atLeast(request.microversion, strictQuerySince)) {
      delete (owner as Record<string, unknown>)[name];
      return;
    }
    const { since = 0 } = field;
    const why = since > request.microversion.minor ? `needs microversion 2.${since}` : `ended with microversion 2.${field.until}`;
    throw new Fault('badRequest', { detail: `Additional properties are not allowed ('${name}' ${why}).` });
  },

  unknownAction: (action) => new Fault('badRequest', { detail: `There is no such action: ${action}.` }),
};
