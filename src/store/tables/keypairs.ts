/** SSH public keys of users, as in Nova. */
import { Collection } from '../collection.ts';

export type Keypair = {
  name: string;
  user_id: string;
  type: string;
  public_key: string;
  fingerprint: string;
  created_at: string;
};

export class Keypairs extends Collection<Keypair> {
  static override readonly table = { name: 'keypairs' };
}
