/** Console tickets: what a user who may open a console gets in the console's URL. Rows, so that a restart voids none. */
import { createHash, randomBytes } from 'node:crypto';
import { readPayload, type TokenPayload } from '#services/identity/tokens.ts';
import { LessThan } from '#store/query-parts.ts';
import type { Store } from '#store/store.ts';

export const consolePath = '/console';

const ticketMs = 600_000;
const ticketsMax = 10_000;
/** Per console: a further ticket evicts the console's oldest, and none of another. */
const ticketsMaxEach = 16;
const tokenBytes = 24;
const tokenLength = (tokenBytes / 3) * 4;

/**
 * Access to a node's console, or to that of `server` while it is on the node. It lasts while the token that requested it
 * is valid and may open the console (console-rights.ts).
 */
export type ConsoleGrant = { readonly node: string; readonly server?: string; readonly token: TokenPayload };

export class ConsoleTickets {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @returns the single-use URL: `ws://host/console?token=…` */
  async issue(grant: ConsoleGrant, baseUrl: string): Promise<string> {
    const token = randomBytes(tokenBytes).toString('base64url');
    const console = { node_uuid: grant.node, server_id: grant.server ?? null };
    const [now, digest] = [Date.now(), digestOf(token)];
    await this.#store.transaction(async ({ console_tickets }) => {
      await console_tickets.remove({ expires_at: new LessThan(new Date(now).toISOString()) });
      await console_tickets.insert({
        ...{ digest, ...console, token: grant.token },
        expires_at: new Date(now + ticketMs).toISOString(),
      });
      const newest = { orderBy: 'id', descending: true, limit: ticketsMaxEach } as const;
      const last = (await console_tickets.pick(['id'], console, newest))[ticketsMaxEach - 1];
      if (last) await console_tickets.remove({ ...console, id: new LessThan(last.id) });
      await console_tickets.keepNewest(ticketsMax);
    });
    return `${baseUrl.replace(/^http/, 'ws')}${consolePath}?token=${token}`;
  }

  /** Redeems a console token; undefined if it is unknown, used or expired. Of two at once, one gets it. */
  async take(token: string): Promise<ConsoleGrant | undefined> {
    if (token.length !== tokenLength) return undefined;
    const digest = digestOf(token);
    const ticket = await this.#store.console_tickets.find({ digest });
    if (!ticket || (await this.#store.console_tickets.remove({ digest })) !== 1) return undefined;
    const payload = readPayload(ticket.token);
    if (!payload || Date.parse(ticket.expires_at) <= Date.now()) return undefined;
    return { node: ticket.node_uuid, ...(ticket.server_id !== null && { server: ticket.server_id }), token: payload };
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
