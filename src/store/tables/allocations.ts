import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** A request for one node by class and traits. While it is `active`, the node's `instance_uuid` is its UUID. */
export type Allocation = {
  uuid: string;
  /** Unique where it is set. */
  name: string | null;
  /** Null: none was found. One allocation per node. */
  node_uuid: string | null;
  /** Null: that of a node without any, which the allocation was made for afterwards. */
  resource_class: string | null;
  traits: string[];
  /** UUIDs of the only acceptable nodes, in the order of the request; empty: any node. */
  candidate_nodes: string[];
  extra: JsonObject;
  /** UUID of the project to which it belongs: only nodes that this project owns are chosen. */
  owner: string | null;
  /** A node is chosen in the transaction of the request, so that Ironic's `allocating` does not occur. */
  state: 'active' | 'error';
  last_error: string | null;
  created_at: string;
  updated_at: string | null;
};

export class Allocations extends Collection<Allocation> {
  static override readonly table = { name: 'allocations', json: ['traits', 'candidate_nodes', 'extra'] };
}
