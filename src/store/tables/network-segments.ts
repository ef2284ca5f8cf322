/** Segments of networks, as in Neutron: what a network is on the wire. */
import { RevisedCollection, type UnnamedAttributes } from './standard-attributes.ts';

export type NetworkSegment = UnnamedAttributes & {
  name: string | null;
  network_id: string;
  network_type: string;
  physical_network: string | null;
  segmentation_id: number | null;
  /** Its place among those of its network. */
  segment_index: number;
};

export class NetworkSegments extends RevisedCollection<NetworkSegment> {
  static override readonly table = { name: 'network_segments' };
}
