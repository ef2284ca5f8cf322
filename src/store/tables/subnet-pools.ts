/** Subnet pools, as in Neutron: prefixes from which subnets get theirs. */
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type SubnetPool = StandardAttributes & {
  ip_version: 4 | 6;
  /** The fewest that make up the addresses of the pool. */
  prefixes: string[];
  min_prefixlen: number;
  max_prefixlen: number;
  default_prefixlen: number;
  /** What a project may have of it: in addresses of IPv4, in networks of 64 bits of IPv6. Null or 0: no limit. */
  default_quota: number | null;
  address_scope_id: string | null;
  is_default: boolean;
};

export class SubnetPools extends RevisedCollection<SubnetPool> {
  static override readonly table = { name: 'subnet_pools', json: ['tags', 'prefixes'], boolean: ['is_default'] };
}
