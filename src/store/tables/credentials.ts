/** Credentials of users, as in Keystone: EC2 keys, TOTP secrets, or whatever a client keeps here. */
import { Collection } from '../collection.ts';

export type Credential = {
  /** Of EC2 keys, the digest of the access key. */
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  /** A text whose form depends on the type; a secret. */
  blob: string;
};

export class Credentials extends Collection<Credential> {
  static override readonly table = { name: 'credentials', json: ['blob'], sealed: ['blob'] };
}
