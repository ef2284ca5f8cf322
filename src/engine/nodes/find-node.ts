import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';

/** @throws Fault `notFound` */
export async function findNode(trx: Store, uuid: string): Promise<Node> {
  const node = await trx.nodes.find({ uuid });
  if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
  return node;
}
