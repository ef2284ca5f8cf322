import { Fault } from '#domain/faults.ts';

/** Clients' bodies have some ten levels. What nests deeper fits no stack: it could be stored, but never shown again. */
const mostLevels = 100;

/** Null, or a `badRequest` for what is nested beyond measure. */
export function faultOfDepth(value: unknown): Fault | null {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return new Fault('badRequest', { detail: `The body is nested more than ${mostLevels} levels deep.` });
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return null;
}
