/** Networks from which users logged in. */
import { Collection } from '../collection.ts';

/** A network from which the user logged in (`client-address.ts`), and the time of the last login. */
export type LoginAddress = { user_id: string; address: string; last_at: string };

export class LoginAddresses extends Collection<LoginAddress> {
  static override readonly table = { name: 'login_addresses' };
}
