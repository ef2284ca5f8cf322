/** Who asks for a busy node is told what it is busy with. */
import { Fault } from '#domain/faults.ts';
import type { Node } from '#domain/records.ts';
import type { Store } from '#store/store.ts';

/** @throws Fault `nodeBusy` while an operation has the node. */
export async function refuseWhileBusy(inside: Store, node: Node): Promise<void> {
  if (node.operation_id) await refuseBusyNode(inside, node.uuid);
}

/** @throws Fault `nodeBusy`, or `notFound` where the node is gone. */
export async function refuseBusyNode(inside: Store, uuid: string): Promise<never> {
  const node = await inside.nodes.find({ uuid });
  if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
  const holder = node.operation_id && (await inside.operations.find({ id: node.operation_id }));
  throw new Fault('nodeBusy', {
    node: node.name ?? uuid,
    purpose: holder ? holder.purpose : 'another request',
    operation: node.operation_id ?? 'just ended',
  });
}
