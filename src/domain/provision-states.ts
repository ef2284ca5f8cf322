/**
 * Provision states of a node. The names are Ironic's (its API documents them under "Bare Metal State Machine"), so that
 * its clients work. The transitions between them are part of the operations (engine/operations/registry.ts).
 */

type StateRow = {
  /** For operators. */
  readonly explanation: string;
  /** A failed operation has left the node in it: its error stays in `last_error`. */
  readonly isFailed?: true;
  /** What clients of an older API see, whose minor microversion is below `since`; null: no state. */
  readonly older?: { readonly since: number; readonly shown: string | null };
};

export const provisionStates = {
  enroll: { explanation: 'Enrolled; its settings have not been verified yet.' },
  verifying: { explanation: 'Its BMC credentials are being verified.' },
  manageable: { explanation: 'Its BMC responds; it can be inspected, cleaned or made available.' },
  inspecting: { explanation: 'Its hardware is being inspected.' },
  'inspect wait': {
    explanation: 'Inspection waits for the ramdisk on the machine.',
    older: { since: 39, shown: 'inspecting' },
  },
  'inspect failed': { explanation: 'Inspection failed; see last_error for the cause.', isFailed: true },
  available: { explanation: 'Available to the scheduler.', older: { since: 2, shown: null } },
  deploying: { explanation: 'A server is being deployed on it.' },
  'wait call-back': { explanation: 'A deployment waits for the ramdisk on the machine.' },
  'deploy hold': { explanation: 'A deployment is held by a step until an operator ends the hold.' },
  active: { explanation: 'A server runs on it.' },
  servicing: { explanation: 'A service step is executed on the machine of its server.' },
  'service wait': { explanation: 'Servicing waits for the machine or its BMC.' },
  'service hold': { explanation: 'Servicing is held by a step until an operator ends the hold.' },
  'service failed': {
    explanation: 'Servicing failed; its server remains. See last_error for the cause.',
    isFailed: true,
  },
  'deploy failed': { explanation: 'Deployment failed; see last_error for the cause.', isFailed: true },
  deleting: { explanation: 'Its server is being removed.' },
  cleaning: { explanation: 'Its disks are being erased.' },
  'clean wait': { explanation: 'Cleaning waits for the ramdisk on the machine.' },
  'clean hold': { explanation: 'Cleaning is held by a step until an operator ends the hold.' },
  'clean failed': {
    explanation: 'Cleaning failed: the node stays out of service until an operator resolves it.',
    isFailed: true,
  },
  adopting: { explanation: 'It is being taken over with the system that runs on it.' },
  'adopt failed': { explanation: 'It could not be taken over; see last_error for the cause.', isFailed: true },
  rebuild: { explanation: 'Its server is being rebuilt.' },
  error: { explanation: 'Its server could not be removed.', isFailed: true },
} as const satisfies Readonly<Record<string, StateRow>>;

export type ProvisionState = keyof typeof provisionStates;
export type Transition = { readonly from: ProvisionState; readonly event: string; readonly to: ProvisionState };

const rows: Readonly<Record<string, StateRow>> = provisionStates;

export function isFailedState(state: ProvisionState): boolean {
  return rows[state]?.isFailed === true;
}

/** The state as an API of this minor microversion shows it. */
export function stateName(state: string | null, minor: number): string | null {
  const older = state === null || !Object.hasOwn(rows, state) ? undefined : rows[state]?.older;
  return older && minor < older.since ? older.shown : state;
}
