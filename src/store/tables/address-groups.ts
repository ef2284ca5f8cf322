/** Named lists of addresses for rules of security groups, as in Neutron. */
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type AddressGroup = StandardAttributes & {
  /** Prefixes without host bits. */
  addresses: string[];
};

export class AddressGroups extends RevisedCollection<AddressGroup> {
  static override readonly table = { name: 'address_groups', json: ['addresses', 'tags'] };
}
