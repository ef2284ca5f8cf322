/** Trusts, as in Keystone's OS-TRUST. */
import { Collection } from '../collection.ts';

/** The trustee acts in the project with these roles of the trustor. */
export type Trust = {
  id: string;
  trustor_user_id: string;
  trustee_user_id: string;
  /** Empty: the trust is for no project, and gives no roles. */
  project_id: string;
  /** Whether the trustee's tokens are shown as the trustor's. */
  impersonation: boolean;
  /** Ids. */
  roles: string[];
  expires_at: string | null;
  /** How many tokens can still be issued by it; null = any number. */
  remaining_uses: number | null;
  /** The trust by whose token it was made. */
  redelegated_trust_id: string | null;
  /** How long a chain of trusts may still follow. */
  redelegation_count: number;
};

export class Trusts extends Collection<Trust> {
  static override readonly table = { name: 'trusts', json: ['roles'], boolean: ['impersonation'] };
}
