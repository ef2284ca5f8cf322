/** Fields by microversion: they do not exist for older ones, as in Ironic. */
import { Fault } from '#domain/faults.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import type { Field } from './fields.ts';

/** Fields up to this version are accepted at every version: clients that send none have always been served. */
const openUntil = 78;

/** For fields that a client writes or filters by. Throws `notAcceptable`. */
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

/** For routes that Ironic has at every version, and refuses below one. Throws `notAcceptable`. */
export function requireVersion(version: Microversion, what: string, since: number): void {
  if (atLeast(version, since)) return;
  throw new Fault('notAcceptable', { detail: `${what} needs API version 1.${since} or later.` });
}
