/** Quotas of the network service that an administrator has set for a project. */
import { Collection } from '../collection.ts';

export type NetworkQuota = {
  project_id: string;
  /** As in the API: `security_group`. */
  resource: string;
  /** -1: unlimited. */
  most: number;
};

export class NetworkQuotas extends Collection<NetworkQuota> {
  static override readonly table = { name: 'network_quotas' };
}
