/** Fields that came with a microversion, and the subset that a client asked for with `fields=`. */
import { Fault } from '#domain/faults.ts';
import { atLeast, type Microversion } from '../microversions.ts';

/** One field of a resource: since which 1.x it is shown, and its value. */
export type Field<R> = { readonly name: string; readonly since: number; readonly value: (record: R) => unknown };

export const field = <R>(name: string, since: number, value: (record: R) => unknown): Field<R> => ({ name, since, value });

export type Selection = {
  version: Microversion;
  /** Comma-separated, as in the query. */
  fields?: string | undefined;
  /** Names shown when `fields` is missing; undefined = all. */
  brief?: readonly string[];
};

/** The reply for one record. Throws `badRequest` for a field that does not exist at this version. */
export function selectFields<R>(
  table: readonly Field<R>[],
  record: R,
  { version, fields, brief }: Selection,
): Record<string, unknown> {
  const shown = table.filter(({ since }) => atLeast(version, since));
  const wanted = fields?.split(',').filter(Boolean) ?? brief;
  const unknown = fields === undefined ? [] : (wanted ?? []).filter((name) => !shown.some((each) => each.name === name));
  if (unknown.length > 0) throw new Fault('badRequest', { detail: `Field(s) "${unknown.join(', ')}" are not valid` });
  const chosen = wanted ? shown.filter(({ name }) => wanted.includes(name)) : shown;
  return Object.fromEntries(chosen.map(({ name, value }) => [name, value(record)]));
}
