/**
 * How Ingot and the power control of each node get along: latency learned, failures counted, and a circuit that opens
 * so that a BMC in trouble is left alone but for somebody's wish. Live in memory; a change of state is a row
 * (`bmc_health`), an event, and the node's `fault`, so that it survives a restart and everybody sees it.
 */
import { asFault, type FaultCode, formatFault } from '#domain/faults.ts';
import type { BmcHealthRecord } from '#domain/records.ts';
import type { PowerInterface } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { errorBesidePower } from './last-error.ts';

type Failure = Exclude<BmcHealthRecord['state'], 'ok'>;
export type BmcHealthState = Omit<BmcHealthRecord, 'node_uuid'>;

/** Faults that tell of the way to a BMC; any other fault is none of its doing. */
const stateTable: Partial<Record<FaultCode, Failure>> = {
  bmcUnreachable: 'unreachable',
  bmcRefused: 'auth_failed',
  bmcUntrusted: 'auth_failed',
  bmcNotReady: 'erroring',
  bmcError: 'erroring',
  toolFailed: 'erroring',
};

/**
 * Seconds until the next look after the first, second… failure in a row; the last one repeats. A lost answer is asked
 * for again before what is known gets old; a refused password hardly ever, because BMCs lock accounts.
 */
const pauses: Record<Failure, readonly number[]> = {
  unreachable: [5, 10, 60, 120, 240, 300],
  erroring: [5, 10, 60, 120, 240, 300],
  auth_failed: [300, 3600],
};
export const longestPauseMs = Math.max(...Object.values(pauses).flat()) * 1000;

/** Failures in a row by which the circuit opens. */
const failureThreshold: Record<Failure, number> = { unreachable: 3, erroring: 3, auth_failed: 1 };

/** Of one node: a BMC's words are many. */
const mostRecorded = 100;

/** Ironic's word for a node whose power control does not answer. */
export const powerFailure = 'power failure';
/** By it our text in `last_error` is known again. */
const pollingSuspended = 'Polling is suspended until it responds; requests and operations still contact it.';

/** Weight of the newest answer in the learned latency, as in RFC 6298. */
const newest = 1 / 8;

/** One exchange under way; void when the settings that it was begun with are no longer those of the node. */
type Exchange = { isVoid: boolean };

export class BmcHealth {
  readonly #store: Store;
  readonly #bmcHealth = new Map<string, BmcHealthState>();
  readonly #underWay = new Map<string, Set<Exchange>>();
  /** What was noticed last beside an answer, by node. */
  readonly #notices = new Map<string, string>();
  /** What was recorded once, by node. */
  readonly #recorded = new Map<string, Set<string>>();
  /** Nodes whose row lags behind what is known here, since the disk was full. */
  readonly #unwritten = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes up what was known when the process ended. */
  async load(): Promise<void> {
    for (const { node_uuid, ...health } of await this.#store.bmc_health.list()) this.#bmcHealth.set(node_uuid, health);
    for (const { uuid } of await this.#store.nodes.pick(['uuid'], { fault: powerFailure })) {
      if (!this.isOpen(uuid)) await clearFault(this.#store, uuid);
    }
  }

  get(uuid: string): BmcHealthState | undefined {
    return this.#bmcHealth.get(uuid);
  }

  isOpen(uuid: string): boolean {
    return isOpen(this.#bmcHealth.get(uuid));
  }

  /** Runs one exchange with the power control of a node, and learns from how it ends. */
  async ask<R>(uuid: string, callOptions: () => Promise<R>): Promise<R> {
    const exchange = this.#begin(uuid);
    const begun = performance.now();
    try {
      const answer = await callOptions();
      if (!exchange.isVoid) await this.#answered(uuid, performance.now() - begun);
      return answer;
    } catch (error) {
      const fault = asFault(error);
      const state = stateTable[fault.code];
      if (state && !exchange.isVoid) await this.#failed(uuid, state, formatFault(fault) ?? '');
      throw error;
    } finally {
      this.#end(uuid, exchange);
    }
  }

  /** The same power, but each exchange is learned from. */
  guard<P extends PowerInterface>(power: P): P {
    return {
      ...power,
      getPower: async (node, callOptions) => {
        let said: string | undefined;
        const notice = (message: string) => {
          said = message;
        };
        const state = await this.ask(node.uuid, () => power.getPower(node, { ...callOptions, notice }));
        // Who switches sees things on their way: only what a later look still finds is told.
        if (callOptions?.background) this.#notice(node.uuid, said);
        return state;
      },
      setPower: (node, target, callOptions) => this.ask(node.uuid, () => power.setPower(node, target, callOptions)),
    };
  }

  /** What was known is void, and so is what comes of exchanges under way: other settings, or the node is gone. */
  async forget(uuid: string): Promise<void> {
    for (const exchange of this.#underWay.get(uuid) ?? []) exchange.isVoid = true;
    const message = this.#bmcHealth.get(uuid)?.message;
    this.#bmcHealth.delete(uuid);
    this.#unwritten.delete(uuid);
    this.#notices.delete(uuid);
    this.#recorded.delete(uuid);
    await this.#store.transaction(async (trx) => {
      await trx.bmc_health.remove({ node_uuid: uuid });
      await clearFault(trx, uuid, message);
    });
  }

  /** What reads a BMC found beside its answer is recorded once in the life of the process. */
  noticeOnce(uuid: string): (message: string) => void {
    return (message) => {
      const recorded = this.#recorded.get(uuid) ?? new Set();
      if (recorded.has(message) || recorded.size >= mostRecorded) return;
      this.#recorded.set(uuid, recorded.add(message));
      this.#tell(uuid, message);
    };
  }

  /** Told when it is new, and when it is over. */
  #notice(uuid: string, message: string | undefined): void {
    if (message === this.#notices.get(uuid)) return;
    if (message === undefined) this.#notices.delete(uuid);
    else this.#notices.set(uuid, message);
    this.#tell(uuid, message ?? 'the condition reported earlier has cleared');
  }

  #begin(uuid: string): Exchange {
    const exchange = { isVoid: false };
    this.#underWay.set(uuid, (this.#underWay.get(uuid) ?? new Set()).add(exchange));
    return exchange;
  }

  #end(uuid: string, exchange: Exchange): void {
    const others = this.#underWay.get(uuid);
    others?.delete(exchange);
    if (others?.size === 0) this.#underWay.delete(uuid);
  }

  async #answered(uuid: string, ms: number): Promise<void> {
    const before = this.#bmcHealth.get(uuid);
    const at = new Date().toISOString();
    const learned = before?.latency_ms ?? null;
    const health: BmcHealthState = {
      state: 'ok',
      since: before?.state === 'ok' ? before.since : at,
      answered_at: at,
      latency_ms: Math.round(learned === null ? ms : learned + (ms - learned) * newest),
      failures: 0,
      message: null,
      next_poll_at: null,
    };
    this.#bmcHealth.set(uuid, health);
    const wasOpen = isOpen(before);
    if (!wasOpen && !this.#unwritten.has(uuid)) return this.#endTrouble(uuid, before);
    await this.#write(uuid, health, (trx) => clearFault(trx, uuid, before?.message));
    if (wasOpen) this.#tell(uuid, `responds again, for the first time since ${before?.answered_at ?? 'enrolment'}`);
  }

  /** An operation may have failed with what was too little to open the circuit. */
  async #endTrouble(uuid: string, before: BmcHealthState | undefined): Promise<void> {
    if (!before?.message) return;
    await this.#store.transaction((trx) => clearFault(trx, uuid, before.message)).catch(() => {});
  }

  async #failed(uuid: string, state: Failure, message: string): Promise<void> {
    const before = this.#bmcHealth.get(uuid);
    const now = Date.now();
    const failures = failuresAfter(before, state);
    const pause = pauses[state][Math.min(failures, pauses[state].length) - 1]!;
    const health: BmcHealthState = {
      state,
      since: before?.state === state ? before.since : new Date(now).toISOString(),
      answered_at: before?.answered_at ?? null,
      latency_ms: before?.latency_ms ?? null,
      failures,
      message,
      next_poll_at: new Date(now + pause * 1000).toISOString(),
    };
    this.#bmcHealth.set(uuid, health);
    if (!isOpen(health)) return;
    // Each time, not only at the first: `manage` and the end of a maintenance clear a fault that is still true.
    const text = `${message} ${pollingSuspended}`;
    await this.#write(uuid, health, (trx) => trx.nodes.update({ uuid, fault: null }, { fault: powerFailure, last_error: text }));
    const isNews = !isOpen(before) || before?.state !== state;
    if (isNews) this.#tell(uuid, `${text} Next poll at ${health.next_poll_at}.`);
  }

  /**
   * The row and the node's fault together, so that a crash leaves both or neither. What cannot be written (the disk is
   * full) is written at the next occasion: a BMC's answer is no worse for it.
   */
  async #write(uuid: string, health: BmcHealthState, changeNode: (trx: Store) => Promise<unknown>): Promise<void> {
    try {
      await this.#store.transaction(async (trx) => {
        await changeNode(trx);
        await trx.db
          .insertInto('bmc_health')
          .values({ node_uuid: uuid, ...health })
          .onConflict((conflict) => conflict.column('node_uuid').doUpdateSet(health))
          .execute();
      });
      this.#unwritten.delete(uuid);
    } catch {
      this.#unwritten.add(uuid);
    }
  }

  #tell(uuid: string, message: string): void {
    this.#store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'contact', message });
  }
}

function isOpen(health: BmcHealthState | undefined): boolean {
  return health !== undefined && health.state !== 'ok' && health.failures >= failureThreshold[health.state];
}

/** An open circuit stays open when the trouble turns into another one: only an answer closes it. */
function failuresAfter(before: BmcHealthState | undefined, state: Failure): number {
  if (before?.state === state) return before.failures + 1;
  return isOpen(before) ? failureThreshold[state] : 1;
}

/** Our own fault alone; `last_error` may tell of something else by now, and then stays. Somebody may have cleared the fault before. */
async function clearFault(trx: Store, uuid: string, message?: string | null): Promise<void> {
  const [node] = await trx.nodes.pick(['uuid', 'fault', 'last_error', 'provision_state'], { uuid });
  if (!node) return;
  const isOurs = node.last_error?.endsWith(pollingSuspended) || (!!message && node.last_error === message);
  const patch = {
    ...(node.fault === powerFailure && { fault: null }),
    ...(isOurs && { last_error: await errorBesidePower(trx, node) }),
  };
  if (Object.keys(patch).length > 0) await trx.nodes.update({ uuid }, patch);
}
