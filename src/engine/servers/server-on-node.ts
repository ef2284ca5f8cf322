import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server } from '#store/tables/servers.ts';

/**
 * The server of the compute API on the node. An allocation, or an instance of Ironic's API, has an `instance_uuid` and no
 * server.
 */
export async function serverOn(
  store: Store,
  { uuid, instance_uuid }: Pick<Node, 'uuid' | 'instance_uuid'>,
): Promise<Server | undefined> {
  return instance_uuid === null ? undefined : store.servers.find({ id: instance_uuid, node_uuid: uuid });
}
