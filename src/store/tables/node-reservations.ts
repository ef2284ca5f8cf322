/** Reservations of nodes by requests that must run alone. An operation reserves its node in the node's row. */
import { Collection } from '../collection.ts';

export type NodeReservation = {
  /** At most one per node; it is deleted with the node. */
  node_uuid: string;
  /** Id of the process that made it, another at each start. */
  owner: string;
  /** A short description: `a BMC password change`. */
  purpose: string;
  /** From then on it is void. */
  deadline_at: string;
};

export class NodeReservations extends Collection<NodeReservation> {
  static override readonly table = { name: 'node_reservations', keptBy: 'node_uuid' };
}
