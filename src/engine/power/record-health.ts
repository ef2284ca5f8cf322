/** The health of a machine, which its BMC tells with the power state: it costs no request of its own. */
import type { Health } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';

/** @param node as it was read before the poll; settings that were changed since belong to another BMC */
export async function recordHealth(
  store: Store,
  node: Pick<Node, 'uuid' | 'revision' | 'health'>,
  health: Health | null,
): Promise<void> {
  const { uuid, revision, health: former } = node;
  if ((await store.nodes.update({ uuid, revision, health: former }, { health })) === 0) return;
  const message = `the BMC reports the health ${health ?? 'of the hardware no longer'}, before: ${former ?? 'unknown'}`;
  store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'health', message, data: { health, former } });
}
