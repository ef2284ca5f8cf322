/** Which key encrypts the secrets in the database. */
import { Collection } from '../collection.ts';

/** At most one row: the key that encrypts the secrets in the database. */
export type SecretsKey = {
  id: string;
  made_at: string;
  /** When the file was rewritten to remove earlier plain text; null: still to be done. */
  rewritten_at: string | null;
};

export class SecretsKeys extends Collection<SecretsKey> {
  static override readonly table = { name: 'secrets_key' };
}
