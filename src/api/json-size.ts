/** What a body may be made of, whatever a schema thinks of it: schemas look at every value before they count them. */
import { Fault } from '#domain/faults.ts';

/** Clients' bodies have some ten levels. What nests deeper fits no stack: it could be stored, but never shown again. */
const mostLevels = 100;
/** Of objects, lists, texts, numbers. The largest patches and nodes of clients have some hundreds. */
const mostValues = 10_000;

/** Null, or the fault of what is nested or filled beyond measure. Looks at no more than that. */
export function faultOfSize(value: unknown): Fault | null {
  let count = 1;
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return new Fault('badRequest', { detail: `The body is nested more than ${mostLevels} levels deep.` });
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      const trx = Array.isArray(each) ? each : Object.values(each);
      count += trx.length;
      if (count > mostValues) return new Fault('tooLarge', { detail: `The body has more than ${mostValues} values.` });
      for (const inner of trx) next.push(inner);
    }
    level = next;
  }
  return null;
}
