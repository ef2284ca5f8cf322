/** Keystone's answer to a request that its sender must not make. */
import { Fault } from '#domain/faults.ts';

/** @param action with or without the full stop */
export function forbiddenAction(action: string): Fault {
  const sentence = action.endsWith('.') ? action : `${action}.`;
  return new Fault('forbidden', { detail: `You are not authorized to perform the requested action: ${sentence}` });
}
