/** SSH public keys of users, as in Nova. */

export type Keypair = {
  name: string;
  user_id: string;
  type: string;
  public_key: string;
  fingerprint: string;
  created_at: string;
};
