/** What the end of an operation means for its server. */
import type { FaultRecord } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server, ServerTry } from '#store/tables/servers.ts';
import type { BaseContext, BaseRequest } from '../worker/base-context.ts';

/** Undefined: the operation is not about a server of the compute API. */
export async function serverOf(store: Store, { server_id }: Pick<Operation, 'server_id'>): Promise<Server | undefined> {
  return server_id === null ? undefined : store.servers.find({ id: server_id });
}

/** An instance may be deleted during another operation, which is then aborted and followed by the deletion. */
export async function wantsDeletion(trx: Store, operation: InstanceOperation): Promise<boolean> {
  if (operation.server_id !== null) return (await serverOf(trx, operation))?.task_state === 'deleting';
  if (operation.request.instance === undefined) return false;
  const [node] = await trx.nodes.pick(['target_provision_state'], { uuid: operation.node_uuid });
  return node?.target_provision_state === 'available';
}

type InstanceOperation = Pick<Operation, 'server_id' | 'node_uuid'> & { request: Pick<BaseRequest, 'instance'> };

export async function writeServerDeleted(trx: Store, serverId: string | null): Promise<void> {
  const now = new Date().toISOString();
  await trx.servers.update(
    { id: serverId ?? '' },
    {
      vm_state: 'deleted',
      task_state: null,
      node_uuid: null,
      terminated_at: now,
      updated_at: now,
      // The row is kept permanently, so large columns are cleared.
      user_data: null,
      personality: [],
      metadata: {},
      public_key: null,
      console_log: null,
    },
  );
}

type Failed = Pick<Operation, 'server_id' | 'node_uuid'> & { fault: FaultRecord | null; context: BaseContext };

/** @param tried of a deployment: the nodes that were tried */
export async function failServer(
  trx: Store,
  operation: Failed,
  patch: Partial<Server> = {},
  { tries = [], why }: { tries?: ServerTry[]; why?: string } = {},
): Promise<void> {
  const now = new Date().toISOString();
  const [node] = await trx.nodes.pick(['uuid', 'name'], { uuid: operation.node_uuid });
  const console = (operation.context.console_tail ?? []).join('\n');
  const fault = operation.fault && {
    ...operation.fault,
    ...{ at: now, ...(node && { node }), ...(console && { console }) },
    ...(tries.length > 1 && { tries }),
    ...(why && { no_other_node: why }),
  };
  await trx.servers.update(
    { id: operation.server_id ?? '' },
    { ...patch, vm_state: 'error', task_state: null, fault, updated_at: now },
  );
}
