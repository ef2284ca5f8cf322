/**
 * Provision states of a node and the allowed transitions. Names and verbs are Ironic's (its API documents them under
 * "Bare Metal State Machine"), so that its clients work.
 */

/** Every state with its explanation for operators. */
export const provisionStates = {
  enroll: 'Enrolled; its settings have not been verified yet.',
  verifying: 'Its BMC credentials are being verified.',
  manageable: 'Its BMC responds; it can be inspected, cleaned or made available.',
  available: 'Available to the scheduler.',
  deploying: 'A server is being deployed on it.',
  'wait call-back': 'A deployment waits for the ramdisk on the machine.',
  active: 'A server runs on it.',
  'deploy failed': 'Deployment failed; see last_error for the cause.',
  deleting: 'Its server is being removed.',
  cleaning: 'Its disks are being erased.',
  'clean wait': 'Cleaning waits for the ramdisk on the machine.',
  'clean failed': 'Cleaning failed: the node stays out of service until an operator resolves it.',
  rebuild: 'Its server is being rebuilt.',
  error: 'Its server could not be removed.',
} as const;

export type ProvisionState = keyof typeof provisionStates;

type Transition = { readonly from: ProvisionState; readonly event: string; readonly to: ProvisionState };

/**
 * All transitions. Events in the left group are API verbs (`baremetal node <verb>`); the others are internal to the
 * engine.
 */
export const transitionTable: readonly Transition[] = [
  { from: 'enroll', event: 'manage', to: 'verifying' },
  { from: 'available', event: 'manage', to: 'manageable' },
  { from: 'clean failed', event: 'manage', to: 'manageable' },
  { from: 'deploy failed', event: 'manage', to: 'manageable' },
  { from: 'manageable', event: 'provide', to: 'available' },
  { from: 'manageable', event: 'clean', to: 'cleaning' },
  { from: 'available', event: 'active', to: 'deploying' },
  { from: 'active', event: 'rebuild', to: 'rebuild' },
  { from: 'deploy failed', event: 'rebuild', to: 'rebuild' },
  { from: 'active', event: 'deleted', to: 'deleting' },
  { from: 'deploy failed', event: 'deleted', to: 'deleting' },
  { from: 'error', event: 'deleted', to: 'deleting' },
  { from: 'deploying', event: 'deleted', to: 'deleting' },
  { from: 'wait call-back', event: 'deleted', to: 'deleting' },
  { from: 'rebuild', event: 'deleted', to: 'deleting' },

  { from: 'verifying', event: 'verified', to: 'manageable' },
  { from: 'verifying', event: 'fail', to: 'enroll' },
  { from: 'deploying', event: 'wait', to: 'wait call-back' },
  { from: 'wait call-back', event: 'resume', to: 'deploying' },
  { from: 'deploying', event: 'done', to: 'active' },
  { from: 'deploying', event: 'fail', to: 'deploy failed' },
  { from: 'wait call-back', event: 'fail', to: 'deploy failed' },
  { from: 'rebuild', event: 'wait', to: 'wait call-back' },
  { from: 'rebuild', event: 'done', to: 'active' },
  { from: 'rebuild', event: 'fail', to: 'deploy failed' },
  { from: 'deploy failed', event: 'release', to: 'available' },
  { from: 'deploy failed', event: 'clean', to: 'cleaning' },
  { from: 'deleting', event: 'clean', to: 'cleaning' },
  { from: 'deleting', event: 'fail', to: 'error' },
  { from: 'cleaning', event: 'wait', to: 'clean wait' },
  { from: 'clean wait', event: 'resume', to: 'cleaning' },
  { from: 'cleaning', event: 'done', to: 'available' },
  { from: 'cleaning', event: 'cleaned-by-hand', to: 'manageable' },
  { from: 'cleaning', event: 'fail', to: 'clean failed' },
  { from: 'clean wait', event: 'fail', to: 'clean failed' },
];

/** The state that `event` leads to from `from`; undefined if there is no such transition. */
export function nextState(from: ProvisionState, event: string): ProvisionState | undefined {
  return transitionTable.find((row) => row.from === from && row.event === event)?.to;
}

/** The events allowed in a state, for error messages and the API's list of verbs. */
export function eventsFrom(from: ProvisionState): string[] {
  return transitionTable.filter((row) => row.from === from).map((row) => row.event);
}
