/**
 * Booleans as Ironic and Neutron accept them (oslo's strict `bool_from_string`): JSON booleans or these words in any
 * case.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';

const wordTable: Readonly<Record<string, boolean>> = {
  ...{ 0: false, f: false, false: false, n: false, no: false, off: false },
  ...{ 1: true, on: true, t: true, true: true, y: true, yes: true },
};

/** Convert with `booleanOf`. */
export const LooseBoolean = Type.Union([Type.Boolean(), Type.String({ maxLength: 255 })]);

/** Undefined if it is not a boolean. */
export function readBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim().toLowerCase() : '';
  return Object.hasOwn(wordTable, word) ? wordTable[word] : undefined;
}

/** Throws `badRequest` with Ironic's message. */
export function booleanOf(name: string, value: unknown): boolean {
  const known = readBoolean(value);
  if (known !== undefined) return known;
  const words = Object.keys(wordTable)
    .sort()
    .map((each) => `'${each}'`)
    .join(', ');
  const detail = `Invalid ${name}: Unrecognized value ${JSON.stringify(value)}, acceptable values are: ${words}`;
  throw new Fault('badRequest', { detail });
}
