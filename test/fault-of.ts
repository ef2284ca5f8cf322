import assert from 'node:assert/strict';
import { Fault } from '#domain/faults.ts';

/** The fault that a call rejects with; anything else fails the test. */
export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Fault, `a fault, not ${error}`);
  return error;
}
