/** Trunks, as in Neutron: the parent port belongs to a NIC, its subports are VLANs on it. */
import { Collection } from '../collection.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type Trunk = StandardAttributes & {
  admin_state_up: boolean;
  /** The parent port; it has one trunk. */
  port_id: string;
};

export type Subport = {
  /** A port is a subport of one trunk. */
  port_id: string;
  trunk_id: string;
  segmentation_type: 'vlan';
  segmentation_id: number;
};

export class Trunks extends RevisedCollection<Trunk> {
  static override readonly table = { name: 'trunks', json: ['tags'], boolean: ['admin_state_up'] };
}

export class TrunkSubports extends Collection<Subport> {
  static override readonly table = { name: 'trunk_subports' };
}
