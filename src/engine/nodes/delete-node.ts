/** Deletion of a node, with what belongs to it: the rules of Ironic's `destroy_node`. */
import { Fault } from '#domain/faults.ts';
import { lockKinds } from '#domain/lock-kinds.ts';
import type { ProvisionState } from '#domain/provision-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { isNeverCleaned } from '../operations/automated-cleaning.ts';
import { refuseWhileUpdating } from '../power/firmware-updates.ts';
import { detachPorts } from '../servers/server-network.ts';
import { serverOn } from '../servers/server-on-node.ts';
import type { EngineSettings } from '../settings.ts';
import { removeAllocation } from './allocations.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { refuseProtected } from './change-rules.ts';
import { findNode } from './find-node.ts';

/** From others a node goes through cleaning first, or into maintenance. */
const deletable: readonly ProvisionState[] = ['manageable', 'enroll', 'adopt failed', 'available'];

export async function deleteNode({ store, settings }: { store: Store; settings: EngineSettings }, uuid: string): Promise<void> {
  await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    await refuseWhileBusy(trx, node, lockKinds);
    if (node.instance_uuid && (!node.maintenance || (await serverOn(trx, node))))
      throw new Fault('conflict', { detail: `Node ${uuid} is associated with instance ${node.instance_uuid}.` });
    refuseProtected(node);
    // A node that is enrolled again for the machine would know nothing of it.
    await refuseWhileUpdating(trx, node, 'BMC');
    if (!node.maintenance) refuseState(node, settings);
    await refuseParent(trx, node);
    if (node.allocation_uuid) await removeAllocation(trx, uuid);
    await trx.config_drives.remove({ id: uuid });
    await detachPorts(trx, uuid);
    await trx.node_ports.remove({ node_uuid: uuid });
    await trx.portgroups.remove({ node_uuid: uuid });
    await trx.volume_connectors.remove({ node_uuid: uuid });
    await trx.volume_targets.remove({ node_uuid: uuid });
    await trx.node_endpoints.remove({ node_uuid: uuid });
    await trx.bmc_health.remove({ node_uuid: uuid });
    await trx.console_tickets.remove({ node_uuid: uuid });
    await trx.held_addresses.remove({ node_uuid: uuid });
    // Its finished reservations, expired locks and firmware updates go with the row.
    await trx.nodes.remove({ uuid });
  });
}

function refuseState(node: Node, settings: EngineSettings): void {
  const { name, uuid, provision_state, must_clean } = node;
  if (!deletable.includes(provision_state)) {
    const states = `Valid provision states to perform deletion are: ${deletable.map((state) => `'${state}'`).join(', ')}`;
    throw new Fault('conflict', {
      detail: `Can not delete node "${uuid}" while it is in provision state "${provision_state}". ${states}, or set the node into maintenance mode`,
    });
  }
  if (!must_clean || isNeverCleaned(node, settings)) return;
  throw new Fault('conflict', {
    detail: `Can not delete node ${name ?? uuid}: its disks may hold a tenant's data, of which nothing would be known if it was enrolled again. Set it to 'provide' first, which cleans it, or put it into maintenance.`,
  });
}

async function refuseParent(trx: Store, { name, uuid }: Node): Promise<void> {
  const [part] = await trx.nodes.list({ parent_node: uuid }, { limit: 1 });
  if (!part) return;
  throw new Fault('conflict', { detail: `Node ${part.name ?? part.uuid} is a part of ${name ?? uuid}: delete it first.` });
}
