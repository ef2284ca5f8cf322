/** Failed logins, as the limits on guessing count them. */
import { Collection } from '../collection.ts';

export type FailedLogin = {
  /** The limit that counts it. */
  kind: string;
  /** An account, an account and an address, or a slot that names and addresses share. */
  key: string;
  /** When its attempts are allowed in full again. */
  whole_at: string;
};

export class FailedLogins extends Collection<FailedLogin> {
  static override readonly table = { name: 'failed_logins' };
}
