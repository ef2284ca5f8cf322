/** Keystone's answer to a request in which a part is missing. */
import { Fault } from '#domain/faults.ts';

const cause = 'The server could not comply with the request since it is either malformed or otherwise incorrect.';

export function expecting(attribute: string, target: string): Fault {
  return new Fault('badRequest', {
    detail: `Expecting to find ${attribute} in ${target}. ${cause} The client is assumed to be in error.`,
  });
}
