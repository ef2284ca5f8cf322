/** Endpoints by which nodes are controlled. */
import { Collection } from '../collection.ts';

/** Endpoints by which nodes are controlled; see Endpoint in the drivers. */
export type NodeEndpoint = { node_uuid: string; address: string; part: string | null };

export class NodeEndpoints extends Collection<NodeEndpoint> {
  static override readonly table = { name: 'node_endpoints' };
}
