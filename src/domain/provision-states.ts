/**
 * Provision states of a node. The names are Ironic's (its API documents them under "Bare Metal State Machine"), so that
 * its clients work. The transitions between them are part of the operations (engine/operations/registry.ts).
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
export type Transition = { readonly from: ProvisionState; readonly event: string; readonly to: ProvisionState };

/** States in which a failed operation has left the node: its error stays in `last_error`. */
const failedStates: readonly ProvisionState[] = ['deploy failed', 'clean failed', 'error'];

export function isFailedState(state: ProvisionState): boolean {
  return failedStates.includes(state);
}
