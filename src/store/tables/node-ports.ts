/** Physical NICs of nodes, as in Ironic. */

import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';
import { contains } from '../contains.ts';
import { isAfter, sortedBy } from '../keyset.ts';

/** A physical NIC of a node. */
export type NodePort = {
  id: number;
  uuid: string;
  node_uuid: string;
  /** Lower-case MAC with colons; unique. */
  address: string;
  /** Unique where it is set. */
  name: string | null;
  description: string | null;
  /** Vendor of the NIC, as entered by an operator. */
  vendor: string | null;
  category: string | null;
  pxe_enabled: boolean;
  /** `switch_id` (classic `datapath_id`), `port_id` (classic `port_no`), `switch_info`. */
  local_link_connection: JsonObject;
  extra: JsonObject;
  /** The port group of which this port is a member. */
  portgroup_uuid: string | null;
  physical_network: string | null;
  /** The tenant's network port bound to this NIC. */
  vif_port_id: string | null;
  created_at: string;
  updated_at: string;
};

const sortable = [
  ...(['id', 'uuid', 'address', 'name', 'node_uuid', 'pxe_enabled', 'description', 'vendor', 'category'] as const),
  ...(['created_at', 'updated_at', 'physical_network'] as const),
] as const satisfies readonly (keyof NodePort)[];

export type NodePortListRequest = {
  node_uuid?: string | undefined;
  address?: string | undefined;
  portgroup_uuid?: string | undefined;
  /** Nodes in any of these shards. */
  shards?: readonly string[] | undefined;
  /** Substring of the description. */
  text?: string | undefined;
  sortBy: (typeof sortable)[number];
  descending: boolean;
};

/** @throws Fault `badRequest` */
export function readPortSortKey(name = 'id'): NodePortListRequest['sortBy'] {
  const column = sortable.find((each) => each === name);
  if (!column) throw new Fault('badRequest', { detail: `The sort_key value "${name}" is an invalid field for sorting` });
  return column;
}

export class NodePorts extends Collection<NodePort, { node_ports: NodePort; nodes: { uuid: string; shard: string | null } }> {
  static override readonly table = { name: 'node_ports', json: ['local_link_connection', 'extra'], boolean: ['pxe_enabled'] };

  /** Filtered, sorted and paged by the database, because each node has several. */
  async listPage(
    { node_uuid, address, portgroup_uuid, shards, text, sortBy, descending }: NodePortListRequest,
    { after, limit }: { after: NodePort | undefined; limit: number },
  ): Promise<NodePort[]> {
    const order = [{ column: sortBy, descending }, ...(sortBy === 'id' ? [] : [{ column: 'id', descending }])];
    let query = this.db.selectFrom('node_ports').selectAll();
    if (node_uuid !== undefined) query = query.where('node_uuid', '=', node_uuid);
    if (address !== undefined) query = query.where('address', '=', address);
    if (portgroup_uuid !== undefined) query = query.where('portgroup_uuid', '=', portgroup_uuid);
    if (shards) query = query.where('node_uuid', 'in', this.db.selectFrom('nodes').select('uuid').where('shard', 'in', shards));
    if (text !== undefined) query = query.where(contains('description', text));
    if (after) query = query.where(isAfter(order, after));
    const rows = await sortedBy(query, order).limit(limit).execute();
    return rows.map((row) => this.decode(row));
  }
}
