import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { EndParts } from '../worker/define-operation.ts';
import { isNeverCleaned, noteUncleaned } from './automated-cleaning.ts';
import { beginCleaning } from './clean.ts';

/**
 * After an instance: begins the cleaning, or makes the node available as it is.
 * @returns the operations that take the node over
 */
export async function cleanOrRelease(
  trx: Store,
  former: Pick<Operation, 'id' | 'node_uuid'>,
  parts: EndParts,
): Promise<Operation[]> {
  const node = await trx.nodes.find({ uuid: former.node_uuid });
  if (!node || !isNeverCleaned(node, parts.settings)) {
    const cleaning = await beginCleaning(trx, former, parts);
    return cleaning ? [cleaning] : [];
  }
  await parts.states.apply(trx, node.uuid, 'clean');
  await parts.states.apply(trx, node.uuid, node.retired ? 'cleaned-by-hand' : 'done');
  noteUncleaned(trx, node);
  return [];
}
