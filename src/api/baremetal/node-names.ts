/** What a node may be called. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { uuidPattern } from './lookup.ts';

/** The unreserved characters of a URL, so that a name can stand in a path as it is. */
export const NodeName = Type.String({ maxLength: 255, pattern: '^[a-zA-Z0-9._~-]*$' });

/** A name like a UUID would be taken for another node's; `detail` is a route. */
export function refuseReservedName(name: string | null | undefined): void {
  if (name && (uuidPattern.test(name) || name === 'detail'))
    throw new Fault('badRequest', { detail: `Cannot create node with invalid name '${name}'` });
}
