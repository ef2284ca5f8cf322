/** Filter values of node lists: an impossible value is rejected, since an empty list would mean "there are none". */
import { Fault } from '#domain/faults.ts';
import { provisionStates } from '#domain/provision-states.ts';
import { isUuidLike } from '#domain/uuids.ts';

/** States of Ironic that Ingot does not use. */
const otherStates = [
  ...(['deploy', 'deploy complete', 'deploy hold', 'clean hold', 'deleted', 'undeploy', 'adopting', 'adopt failed'] as const),
  ...(['inspecting', 'inspect failed', 'inspect wait', 'rescue', 'rescue failed', 'rescue wait', 'rescuing'] as const),
  ...(['unrescue failed', 'unrescuing', 'service', 'servicing', 'service wait', 'service failed', 'service hold'] as const),
];
const states: readonly string[] = [...Object.keys(provisionStates), ...otherStates];
const faults: readonly string[] = ['power failure', 'clean failure', 'rescue abort failure', 'service failure'];

type Complaint = (value: string) => string | undefined;

const valueTable: Readonly<Record<string, Complaint>> = {
  provision_state: (value) => (states.includes(value) ? undefined : `Provision state "${value}" is not valid`),
  fault: (value) =>
    faults.includes(value) ? undefined : `Unrecognized fault "${value}" is specified, allowed faults are: ${faults.join(', ')}`,
  instance_uuid: (value) => (isUuidLike(value) ? undefined : `Expected UUID for instance_uuid: ${value}`),
};

/** Throws `badRequest`. */
export function refuseUnknownValues(filters: Readonly<Record<string, unknown>>): void {
  for (const [name, complaintOf] of Object.entries(valueTable)) {
    const value = filters[name];
    const detail = typeof value === 'string' ? complaintOf(value) : undefined;
    if (detail !== undefined) throw new Fault('badRequest', { detail });
  }
}
