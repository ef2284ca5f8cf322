/** Address scopes, as in Neutron: within one, no two subnet pools have an address in common. */
import { RevisedCollection, type UnnamedAttributes } from './standard-attributes.ts';

export type AddressScope = UnnamedAttributes & {
  name: string;
  ip_version: 4 | 6;
};

export class AddressScopes extends RevisedCollection<AddressScope> {
  static override readonly table = { name: 'address_scopes' };
}
