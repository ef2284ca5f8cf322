/** Which key encrypts the secrets in the database. */

/** At most one row: the key that encrypts the secrets in the database. */
export type SecretsKey = {
  id: string;
  made_at: string;
  /** When the file was rewritten to remove earlier plain text; null: still to be done. */
  rewritten_at: string | null;
};
