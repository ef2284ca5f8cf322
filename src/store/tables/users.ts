/** Users, as in Keystone. */

export type User = {
  id: string;
  name: string;
  password_hash: string;
  /** Tokens with a lower revision are revoked. */
  token_revision: number;
  /** Default project; empty: none. */
  project_id: string;
  /** Administrator in every project (the user from the settings); others get roles by assignment. */
  is_admin: boolean;
  enabled: boolean;
  description: string;
  email: string;
};
