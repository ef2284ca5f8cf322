/** Console tickets: single-use admissions to serial consoles. */
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';
import { LessThan } from '../query-parts.ts';

export type ConsoleTicket = {
  /** In the order of issue. */
  id: number;
  /** SHA-256 in hex of the text in the URL, which is not stored. */
  digest: string;
  node_uuid: string;
  /** Null: the console of the node, for an administrator. */
  server_id: string | null;
  /** Payload of the token that requested it, without the signature. */
  token: JsonObject;
  expires_at: string;
};

export class ConsoleTickets extends Collection<ConsoleTicket, { console_tickets: ConsoleTicket }> {
  static override readonly table = { name: 'console_tickets', json: ['token'] };

  /** Removes all but the newest `count`. */
  async keepNewest(count: number): Promise<void> {
    const newest = this.db.selectFrom('console_tickets').select('id').orderBy('id', 'desc');
    const last = await newest
      .limit(1)
      .offset(count - 1)
      .executeTakeFirst();
    if (last) await this.remove({ id: new LessThan(last.id) });
  }
}
