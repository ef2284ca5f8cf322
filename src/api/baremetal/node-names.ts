/** What a node may be called. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { isUuidLike } from './uuid-like.ts';

/** The unreserved characters of a URL, so that a name can stand in a path as it is. */
const pattern = '^[a-zA-Z0-9._~-]*$';
export const NodeName = Type.String({ maxLength: 255, pattern });
const namePattern = new RegExp(pattern);

/** What stands in a path in the place of a node's name. */
const reservedNames: readonly string[] = ['maintenance', 'management', 'states', 'vendor_passthru', 'detail', 'validate'];

/** A name like a UUID would be taken for another node's. */
export function refuseReservedName(name: string | null | undefined): void {
  if (name && isUuidLike(name)) throw new Fault('badRequest', { detail: `Cannot create node with invalid name '${name}'` });
  if (name && reservedNames.includes(name)) {
    const detail = `The word "${name}" is reserved and can not be used as a node name. Reserved words are: ${reservedNames.join(', ')}.`;
    throw new Fault('badRequest', { detail });
  }
}

/** A node may have no name, but none that is empty. @param name as a client sent it; undefined = removed, or never sent */
export function refuseEmptyName(name: unknown): void {
  if (name === '' || name === null)
    throw new Fault('badRequest', { detail: `Cannot change name to invalid name '${name ?? 'None'}'` });
}

/** Throws `badRequest` for what can be neither: then the request is wrong, not the thing gone. */
export function refuseImpossibleIdent(what: string, ident: string): void {
  if (!namePattern.test(ident)) throw new Fault('badRequest', { detail: `Expected UUID or name for ${what}: ${ident}` });
}
