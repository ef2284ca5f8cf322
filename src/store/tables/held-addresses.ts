/** Addresses that machines may still use although they belong to no server any more. */
import { Collection } from '../collection.ts';

export type HeldAddress = {
  /** Unique, as are allocated addresses. */
  ip_address: string;
  /** The node of the machine; the row is deleted with it. */
  node_uuid: string;
  /** The project of the port that had it. */
  project_id: string;
  /** The former server or instance. */
  instance_uuid: string | null;
  /** Why the machine may still run. */
  reason: string;
  created_at: string;
};

export class HeldAddresses extends Collection<HeldAddress> {
  static override readonly table = { name: 'held_addresses', keptBy: 'node_uuid' };
}
