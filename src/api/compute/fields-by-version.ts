/** Request fields that Nova accepts only from, or up to, some microversion. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { atLeast } from '../http/microversions.ts';

/**
 * @param since field → the minor microversion that added it
 * @throws Fault `badRequest` for a field before that version, and for `personality` after its removal
 */
export function refuseByVersion(
  request: FastifyRequest,
  body: Readonly<Record<string, unknown>>,
  since: Readonly<Record<string, number>>,
): void {
  const notAllowed = (why: string) => new Fault('badRequest', { detail: `Additional properties are not allowed (${why}).` });
  for (const [field, minor] of Object.entries(since)) {
    if (body[field] !== undefined && !atLeast(request.microversion, minor))
      throw notAllowed(`'${field}' needs microversion 2.${minor}`);
  }
  if (body['personality'] && atLeast(request.microversion, 57)) throw notAllowed("'personality' ended with microversion 2.56");
}
