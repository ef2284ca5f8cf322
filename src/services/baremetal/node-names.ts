/** Valid node names. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { isUuidLike } from './uuid-like.ts';

/** The unreserved characters of a URL, so that a name needs no escaping in a path. */
const pattern = '^[a-zA-Z0-9._~-]*$';
export const NodeName = Type.String({ maxLength: 255, pattern });
const namePattern = new RegExp(pattern);

/** Path segments that could be taken for a node's name. */
const reservedNames: readonly string[] = ['maintenance', 'management', 'states', 'vendor_passthru', 'detail', 'validate'];

/** A name like a UUID would be taken for another node's. */
export function refuseReservedName(name: string | null | undefined): void {
  if (name && isUuidLike(name)) throw new Fault('badRequest', { detail: `Cannot create node with invalid name '${name}'` });
  if (name && reservedNames.includes(name)) {
    const detail = `The word "${name}" is reserved and can not be used as a node name. Reserved words are: ${reservedNames.join(', ')}.`;
    throw new Fault('badRequest', { detail });
  }
}

/** A node may have no name, but not an empty one. @param name from the client; undefined = removed, or never sent */
export function refuseEmptyName(name: unknown): void {
  if (name === '' || name === null)
    throw new Fault('badRequest', { detail: `Cannot change name to invalid name '${name ?? 'None'}'` });
}

/** Throws `badRequest` for an impossible identifier: the request is invalid, not the resource missing. */
export function refuseImpossibleIdent(what: string, ident: string): void {
  if (!isPossibleIdent(ident)) throw new Fault('badRequest', { detail: `Expected UUID or name for ${what}: ${ident}` });
}

export function isPossibleIdent(ident: string): boolean {
  return namePattern.test(ident);
}
