/**
 * How Ingot and the power control of each node get along: latency learned, failures counted, and a circuit that opens
 * so that a BMC in trouble is left alone but for somebody's wish. Live in memory; a change of state is a row
 * (`bmc_contacts`), an event, and the node's `fault`, so that it survives a restart and everybody sees it.
 */
import { asFault, type FaultCode } from '#domain/faults.ts';
import type { BmcContact } from '#domain/records.ts';
import type { PowerInterface } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';

type Trouble = Exclude<BmcContact['state'], 'ok'>;
export type Contact = Omit<BmcContact, 'node_uuid'>;

/** Faults that tell of the way to a BMC; any other fault is none of its doing. */
const stateTable: Partial<Record<FaultCode, Trouble>> = {
  bmcUnreachable: 'silent',
  bmcRefused: 'refused',
  bmcUntrusted: 'refused',
  bmcError: 'failing',
};

/**
 * Seconds until the next look after the first, second… failure in a row; the last one repeats. A lost answer is asked
 * for again before what is known gets old; a refused password hardly ever, because BMCs lock accounts.
 */
const pauses: Record<Trouble, readonly number[]> = {
  silent: [5, 10, 60, 120, 240, 300],
  failing: [5, 10, 60, 120, 240, 300],
  refused: [300, 3600],
};

/** Failures in a row by which the circuit opens. */
const patience: Record<Trouble, number> = { silent: 3, failing: 3, refused: 1 };

/** Ironic's word for a node whose power control does not answer. */
export const powerFailure = 'power failure';

/** Weight of the newest answer in the learned latency, as in RFC 6298. */
const newest = 1 / 8;

export class BmcContacts {
  readonly #store: Store;
  readonly #contacts = new Map<string, Contact>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes up what was known when the process ended. */
  async load(): Promise<void> {
    for (const { node_uuid, ...contact } of await this.#store.bmc_contacts.list()) this.#contacts.set(node_uuid, contact);
  }

  get(uuid: string): Contact | undefined {
    return this.#contacts.get(uuid);
  }

  isOpen(uuid: string): boolean {
    const contact = this.#contacts.get(uuid);
    return contact !== undefined && contact.state !== 'ok' && contact.failures >= patience[contact.state];
  }

  /** Runs one exchange with the power control of a node, and learns from how it ends. */
  async ask<R>(uuid: string, exchange: () => Promise<R>): Promise<R> {
    const begun = performance.now();
    try {
      const answer = await exchange();
      await this.#answered(uuid, performance.now() - begun);
      return answer;
    } catch (error) {
      const { code, message } = asFault(error);
      const state = stateTable[code];
      if (state) await this.#failed(uuid, state, message);
      throw error;
    }
  }

  /** The same power, but each exchange is learned from. */
  guard<P extends PowerInterface>(power: P): P {
    return {
      ...power,
      getPower: (node, asking) => this.ask(node.uuid, () => power.getPower(node, asking)),
      setPower: (node, target, asking) => this.ask(node.uuid, () => power.setPower(node, target, asking)),
    };
  }

  /** What was known is void: other settings, another address, or the node is gone. */
  async forget(uuid: string): Promise<void> {
    const wasOpen = this.isOpen(uuid);
    this.#contacts.delete(uuid);
    await this.#store.bmc_contacts.remove({ node_uuid: uuid });
    if (wasOpen) await this.#clearFault(uuid);
  }

  async #answered(uuid: string, ms: number): Promise<void> {
    const before = this.#contacts.get(uuid);
    const wasOpen = this.isOpen(uuid);
    const at = new Date().toISOString();
    const learned = before?.latency_ms ?? null;
    const contact: Contact = {
      state: 'ok',
      since: before?.state === 'ok' ? before.since : at,
      answered_at: at,
      latency_ms: Math.round(learned === null ? ms : learned + (ms - learned) * newest),
      failures: 0,
      message: null,
      next_look_at: null,
    };
    this.#contacts.set(uuid, contact);
    if (!wasOpen) return;
    await this.#clearFault(uuid);
    await this.#write(uuid, contact);
    this.#tell(uuid, `answers again, for the first time since ${before?.answered_at ?? 'it is known'}`);
  }

  async #failed(uuid: string, state: Trouble, message: string): Promise<void> {
    const before = this.#contacts.get(uuid);
    const wasOpen = this.isOpen(uuid);
    const now = Date.now();
    const failures = before?.state === state ? before.failures + 1 : 1;
    const pause = pauses[state][Math.min(failures, pauses[state].length) - 1]!;
    const contact: Contact = {
      state,
      since: before?.state === state ? before.since : new Date(now).toISOString(),
      answered_at: before?.answered_at ?? null,
      latency_ms: before?.latency_ms ?? null,
      failures,
      message,
      next_look_at: new Date(now + pause * 1000).toISOString(),
    };
    this.#contacts.set(uuid, contact);
    if (!this.isOpen(uuid) || (wasOpen && before?.state === state)) return;
    const text = `${message} It is left alone now but for wishes and operations; next look at ${contact.next_look_at}.`;
    await this.#store.nodes.update({ uuid, fault: null }, { fault: powerFailure, last_error: text });
    await this.#write(uuid, contact);
    this.#tell(uuid, text);
  }

  /** `last_error` may tell of something else by now, and then stays. */
  async #clearFault(uuid: string): Promise<void> {
    await this.#store.nodes.update({ uuid, fault: powerFailure }, { fault: null, last_error: null });
  }

  async #write(uuid: string, contact: Contact): Promise<void> {
    await this.#store.db
      .insertInto('bmc_contacts')
      .values({ node_uuid: uuid, ...contact })
      .onConflict((conflict) => conflict.column('node_uuid').doUpdateSet(contact))
      .execute();
  }

  #tell(uuid: string, message: string): void {
    this.#store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'contact', message });
  }
}
