/** Sizes as Nova and Glance store them: signed 32-bit integers. SQLite would store larger ones but not read them. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';

/** Nova's `MAX_INT`, and Glance's maximum for its columns. */
export const largestWholeNumber = 2_147_483_647;

/** As a number or as text, as Nova's clients send it; convert with `wholeNumberOf`. */
export const WholeNumber = Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: '^[0-9]+$', maxLength: 255 })]);

/** Throws `badRequest` that names the field. */
export function wholeNumberOf(field: string, value: number | string, minimum = 0): number {
  const number = Number(value);
  const why =
    (number < minimum && `must be >= ${minimum}`) || (number > largestWholeNumber && `must be <= ${largestWholeNumber}`);
  if (why) throw new Fault('badRequest', { detail: `Invalid input for field/attribute ${field}: it ${why}.` });
  return number;
}
