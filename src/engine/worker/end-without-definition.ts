/**
 * The end of an operation whose definition is unknown or has thrown: node and server get a state that an operator can
 * leave. Reads no column that could be damaged.
 */
import { asFault, Fault, type FaultRecord, formatFault } from '#domain/faults.ts';
import { type ProvisionState, provisionStates } from '#domain/provision-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { ProvisionStateMachine } from './provision-state-machine.ts';

/** An error where none is expected: a fault that was thrown on purpose is one as well there. */
export function defectOf(error: unknown): Fault {
  const fault = asFault(error);
  return fault.code === 'internal' ? fault : new Fault('internal', { detail: fault.message }, error);
}

type Ended = Pick<Operation, 'purpose' | 'node_uuid' | 'server_id'> & { fault: FaultRecord | null };

/** In the transaction that ends the operation. The node goes into maintenance; a server stays on it, to be deleted. */
export async function endWithoutDefinition(trx: Store, states: ProvisionStateMachine, operation: Ended): Promise<void> {
  const { node_uuid: uuid, server_id, purpose, fault } = operation;
  const at = new Date().toISOString();
  const [node] = await trx.nodes.pick(columns, { uuid });
  const change = node && changeOf(states, node);
  if (node) {
    const reason = `Operation "${purpose}" could not be ended properly. ${formatFault(fault)}`;
    await trx.nodes.update(
      { uuid },
      {
        ...change,
        ...(change && { provision_updated_at: at }),
        target_provision_state: null,
        target_power_state: null,
        maintenance: true,
        maintenance_reason: [...(node.maintenance_reason ? [node.maintenance_reason] : []), reason].join(' '),
        last_error: reason,
        updated_at: at,
      },
    );
  }
  const [server] = await trx.servers.pick(['id', 'vm_state'], { id: server_id ?? '' });
  if (!server || server.vm_state === 'deleted') return;
  const isLost = change !== undefined || server.vm_state === 'building';
  await trx.servers.update(
    { id: server.id },
    { ...(isLost && { vm_state: 'error' as const }), task_state: null, fault: fault && { ...fault, at }, updated_at: at },
  );
}

const columns = ['provision_state', 'instance_uuid', 'maintenance_reason'] as const;

/** The state that a failure leads to; undefined: the operation has not changed the state. */
function changeOf(
  states: ProvisionStateMachine,
  { provision_state, instance_uuid }: Pick<Node, 'provision_state' | 'instance_uuid'>,
): Partial<Node> | undefined {
  const failed = states.nextWorking(provision_state, 'fail');
  if (failed) return { provision_state: failed };
  if (Object.hasOwn(provisionStates, provision_state)) return undefined;
  // Of a later version: what it does to the disks is not known.
  const known: ProvisionState = instance_uuid ? 'error' : 'clean failed';
  return { provision_state: known, must_clean: true };
}
