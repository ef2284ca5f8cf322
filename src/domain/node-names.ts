/** Which names nodes, ports and port groups can have: those that no path takes for something else. */
import { isUuidLike } from './uuids.ts';

/** The unreserved characters of a URL, so that a name needs no escaping in a path. */
export const nodeNamePattern = '^[a-zA-Z0-9._~-]*$';
export const longestNodeName = 255;

/** Path segments that could be taken for a node's name. */
const reservedNames: readonly string[] = ['maintenance', 'management', 'states', 'vendor_passthru', 'detail', 'validate'];

/**
 * Why a name of allowed characters cannot be used, or undefined. A name like a UUID would be taken for another's.
 * @param noun the record's, in Ironic's words
 */
export function complaintOfName(noun: string, name: string): string | undefined {
  if (isUuidLike(name)) return `Cannot create ${noun} with invalid name '${name}'`;
  if (!reservedNames.includes(name)) return undefined;
  return `The word "${name}" is reserved and can not be used as a ${noun} name. Reserved words are: ${reservedNames.join(', ')}.`;
}
