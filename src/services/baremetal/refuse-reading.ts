/** Fields that are shown with their secrets masked. */
import { Fault } from '#domain/faults.ts';
import { type JsonPatch, pointersOf } from './json-patch.ts';
import { keysOf } from './json-pointer.ts';

/**
 * A patch must neither copy what is masked to a field that is shown, nor guess it by `test`.
 * @param masked the top-level members that may hold secrets
 * @throws Fault `badRequest`
 */
export function refuseReading(patch: JsonPatch, masked: readonly string[]): void {
  for (const operation of patch) {
    const { op } = operation;
    if (op !== 'test' && op !== 'move' && op !== 'copy') continue;
    const pointer = pointersOf(operation).find((each) => masked.includes(keysOf(each)[0] ?? ''));
    if (pointer === undefined) continue;
    const detail = `Cannot ${op} ${pointer}: what may hold secrets can only be added, replaced or removed.`;
    throw new Fault('badRequest', { detail });
  }
}
