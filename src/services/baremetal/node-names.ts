/** Valid node names. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { complaintOfName, longestNodeName, nodeNamePattern } from '#domain/node-names.ts';

export const NodeName = Type.String({ maxLength: longestNodeName, pattern: nodeNamePattern });
const namePattern = new RegExp(nodeNamePattern);

/** Throws `badRequest` for a name that a path would take for something else. @param noun whose name it is */
export function refuseReservedName(noun: 'node' | 'port' | 'portgroup', name: string | null | undefined): void {
  const detail = name && complaintOfName(noun, name);
  if (detail) throw new Fault('badRequest', { detail });
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
