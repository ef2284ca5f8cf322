import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** A port group of a node: its ports form one bond, to which a network port is attached as a whole. */
export type PortGroup = {
  uuid: string;
  node_uuid: string;
  /** Unique where it is set. */
  name: string | null;
  /** MAC of the bond, lower case with colons; unique where it is set. Null: that of a member. */
  address: string | null;
  /** Mode of the bonding driver, by name or number. */
  mode: string;
  /** Options of the bonding driver, with or without the prefix `bond_`. */
  properties: JsonObject;
  extra: JsonObject;
  /** Whether its members may be used as single ports, such as for booting. */
  standalone_ports_supported: boolean;
  /** Whether it was made by a network service. */
  dynamic_portgroup: boolean;
  physical_network: string | null;
  category: string | null;
  /** The tenant's network port bound to this port group. */
  vif_port_id: string | null;
  created_at: string;
  updated_at: string | null;
};

/** Ironic's `[DEFAULT]default_portgroup_mode`. */
export const defaultBondMode = 'active-backup';

export class PortGroups extends Collection<PortGroup> {
  static override readonly table = {
    name: 'portgroups',
    keptBy: 'node_uuid',
    json: ['properties', 'extra'],
    boolean: ['standalone_ports_supported', 'dynamic_portgroup'],
  };
}
