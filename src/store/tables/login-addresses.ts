/** Networks from which users logged in. */

/** A network from which the user logged in (`client-address.ts`), and the time of the last login. */
export type LoginAddress = { user_id: string; address: string; last_at: string };
