/** Verbs that change only the provision state, or cancel the running operation: no operation of their own. */
import type { Verb } from '../worker/define-operation.ts';

export const outOfMaintenance = { maintenance: false, maintenance_reason: null, fault: null } as const;

export const plainVerbs: readonly Verb[] = [
  {
    name: 'manage',
    since: 4,
    from: ['available', 'clean failed', 'deploy failed'],
    to: 'manageable',
    // The error of a failed cleaning is shown until work begins, as in Ironic.
    patch: outOfMaintenance,
  },
  { name: 'provide', since: 4, from: ['manageable'], to: 'available', patch: { last_error: null } },
  { name: 'abort', since: 13, from: [], to: 'manageable', acts: 'cancel' },
];
