/** Removes a server from its node, which is then cleaned. */
import { Type } from 'typebox';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { removeAllocation } from '../nodes/allocations.ts';
import { BaseRequest, fits } from '../worker/base-context.ts';
import { defineOperation, type EndParts, newOperation } from '../worker/define-operation.ts';
import { failureReport } from '../worker/last-error.ts';
import { unleased } from './automatic-lessee.ts';
import { cleanOrRelease } from './clean-or-release.ts';
import { DeployRequest, releaseStep } from './deployment.ts';
import { clearConsoleStep, powerOffIfPossible, unbindPortsStep, withdrawBootFiles } from './machine-steps.ts';
import { failServer, writeServerDeleted } from './server-results.ts';

export const deletion = defineOperation({
  kind: 'delete',
  request: Type.Partial(DeployRequest),
  context: Type.Object({}),
  verbs: [
    {
      name: 'deleted',
      since: 1,
      aliases: [{ name: 'undeploy', since: 73 }],
      from: ['active', 'deploy failed', 'service wait', 'service failed', 'error', 'deploying', 'wait call-back', 'rebuild'],
      to: 'deleting',
      target: 'available',
      acts: 'delete-instance',
    },
  ],
  transitions: [
    { from: 'deleting', event: 'clean', to: 'cleaning' },
    { from: 'deleting', event: 'fail', to: 'error' },
  ],
  shownAs: { ironic: {}, nova: { action: () => 'delete' } },
  steps: ({ request }, { store, drivers, consoles }) => [
    releaseStep(drivers, request),
    powerOffIfPossible,
    clearConsoleStep(consoles),
    withdrawBootFiles,
    unbindPortsStep(store),
  ],
  async ended(trx, operation, parts) {
    if (operation.state === 'failed') {
      await failServer(trx, operation);
      await parts.states.apply(trx, operation.node_uuid, 'fail', { last_error: failureReport(operation) });
      return [];
    }
    await writeServerDeleted(trx, operation.server_id);
    await trx.config_drives.remove({ id: operation.node_uuid });
    const [lease] = await trx.nodes.pick(['lessee', 'automatic_lessee'], { uuid: operation.node_uuid });
    const changes = { instance_uuid: null, instance_info: {}, ...(lease && unleased(lease)) };
    await trx.nodes.update({ uuid: operation.node_uuid }, changes);
    await removeAllocation(trx, operation.node_uuid);
    return cleanOrRelease(trx, operation, parts);
  },
});

/** @param former the operation that ends and hands the node over, if any */
export async function beginDeletion(
  trx: Store,
  former: Pick<Operation, 'node_uuid' | 'server_id'> & { id?: string },
  { states, begin }: Pick<EndParts, 'states' | 'begin'>,
): Promise<Operation> {
  const { node_uuid, server_id } = former;
  await states.apply(trx, node_uuid, 'deleted', { target_provision_state: 'available', last_error: null });
  const server = await trx.servers.find({ id: server_id ?? '' });
  const [deployed] = await trx.operations.list(
    { node_uuid, server_id, kind: ['deploy', 'rebuild'] },
    { orderBy: 'created_at', descending: true, limit: 1 },
  );
  const [node] = await trx.nodes.pick(['name'], { uuid: node_uuid });
  const purpose = server ? `delete server ${server.name}` : `delete the instance of node ${node?.name ?? node_uuid}`;
  const request = interfacesOf(deployed);
  return begin(trx, newOperation(deletion, { purpose, node_uuid, server_id, request }), former.id ?? null);
}

/** Clean up with the interfaces that were used for the deployment. */
function interfacesOf(deployed: Operation | undefined): { deploy_interface?: string; boot_interface?: string } {
  const { request = {} } = deployed ?? {};
  if (!fits(deletion.request, request) || !fits(BaseRequest, request)) return {};
  const { deploy_interface, boot_interface } = request;
  return { ...(deploy_interface && { deploy_interface }), ...(boot_interface && { boot_interface }) };
}
