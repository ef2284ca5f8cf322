/** Physical NICs of nodes, as in Ironic. */
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

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
  /** Whether a dynamic port group may take it. */
  available_for_dynamic_portgroup: boolean;
  /** The tenant's network port bound to this NIC. */
  vif_port_id: string | null;
  created_at: string;
  updated_at: string;
};

export class NodePorts extends Collection<NodePort> {
  static override readonly table = {
    name: 'node_ports',
    keptBy: 'node_uuid',
    json: ['local_link_connection', 'extra'],
    boolean: ['pxe_enabled', 'available_for_dynamic_portgroup'],
  };
}
