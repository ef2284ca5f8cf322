/** Fields by microversion, and the subset that a client selects with `fields=`. */
import { Fault } from '#domain/faults.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';

/** One field of a resource: the first 1.x with it, and its value. */
export type Field<R> = { readonly name: string; readonly since: number; readonly value: (record: R) => unknown };

export const field = <R>(name: string, since: number, value: (record: R) => unknown): Field<R> => ({ name, since, value });

export type Selection = {
  version: Microversion;
  /** Comma-separated, as in the query. */
  fields?: string | undefined;
  /** Default fields when `fields` is missing; undefined = all. */
  brief?: readonly string[];
};

/** Always included, as clients expect. */
export const always = 'links';

/** The response for one record. Throws `badRequest` for an unknown field, `notAcceptable` for a later version's. */
export function selectFields<R>(
  table: readonly Field<R>[],
  record: R,
  { version, fields, brief }: Selection,
): Record<string, unknown> {
  const shown = table.filter(({ since }) => atLeast(version, since));
  const wanted = fields?.split(',').filter(Boolean) ?? brief;
  if (fields !== undefined && wanted) refuseUnknownFields(table, wanted, version);
  const chosen = wanted ? shown.filter(({ name }) => wanted.includes(name) || name === always) : shown;
  return Object.fromEntries(chosen.map(({ name, value }) => [name, value(record)]));
}

export function refuseUnknownFields(
  table: readonly Pick<Field<never>, 'name' | 'since'>[],
  wanted: readonly string[],
  version: Microversion,
): void {
  const unknown = wanted.filter((name) => !table.some((each) => each.name === name));
  if (unknown.length > 0) throw new Fault('badRequest', { detail: `Field(s) "${unknown.join(', ')}" are not valid` });
  const later = table.find(({ name, since }) => wanted.includes(name) && !atLeast(version, since));
  if (later)
    throw new Fault('notAcceptable', { detail: `The field '${later.name}' needs API version 1.${later.since} or later.` });
}

/** A list is not sorted by a field that this version does not show. Other keys are the store's to judge. */
export function refuseLaterSortKey(
  table: readonly Pick<Field<never>, 'name' | 'since'>[],
  key: string | undefined,
  version: Microversion,
): void {
  const row = table.find(({ name }) => name === key);
  if (row) refuseUnknownFields(table, [row.name], version);
}
