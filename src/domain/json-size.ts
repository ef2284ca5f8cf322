/** Limits on depth and size of any body, regardless of schemas: these visit every value before they count them. */
import { Fault } from '#domain/faults.ts';

/** Clients' bodies have about ten levels. Deeper ones overflow the stack: storable, but never shown again. */
const mostLevels = 100;
/** Objects, lists, texts and numbers. The largest patches and nodes of clients have a few hundred. */
const mostValues = 10_000;

/** Null, or the fault of a body above the limits. Stops at the limit. */
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
