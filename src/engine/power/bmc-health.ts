/**
 * BMC health: the latency, the failure count and the circuit breaker of each node's power control. While the circuit is
 * open, the BMC is polled rarely; explicit requests and operations still contact it. Kept in memory; each state change
 * is also written as a row (`bmc_health`), an event and the node's `fault`, so that it survives a restart and is
 * visible in the API.
 */
import { asFault, type FaultCode, failedBmcFaults, formatFault } from '#domain/faults.ts';
import type { ProvisionState } from '#domain/provision-states.ts';
import type { PowerInterface } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { BmcHealthRecord } from '#store/tables/bmc-health.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';
import type { LastErrors } from '../worker/last-error.ts';

type Failure = Exclude<BmcHealthRecord['state'], 'ok'>;
export type BmcHealthState = Omit<BmcHealthRecord, 'node_uuid' | 'reported'>;

/** Faults that say something about the connection to a BMC; other faults do not affect its health. */
const stateTable: Partial<Record<FaultCode, Failure>> = {
  bmcUnreachable: 'unreachable',
  bmcRefused: 'auth_failed',
  bmcUntrusted: 'auth_failed',
  bmcNotReady: 'erroring',
  ...Object.fromEntries(failedBmcFaults.map((code) => [code, 'erroring' as const])),
  toolFailed: 'erroring',
};

/**
 * Retry delays in seconds after the first, second… failure in a row; the last one repeats. After a lost response the
 * first retries are quick, so that the recorded state does not go stale. A rejected password is retried rarely, because
 * BMCs lock accounts.
 */
const pauses: Record<Failure, readonly number[]> = {
  unreachable: [5, 10, 60, 120, 240, 300],
  erroring: [5, 10, 60, 120, 240, 300],
  auth_failed: [300, 3600],
};
export const longestPauseMs = Math.max(...Object.values(pauses).flat()) * 1000;

/** Failures in a row that open the circuit. */
const failureThreshold: Record<Failure, number> = { unreachable: 3, erroring: 3, auth_failed: 1 };

/** Maximum number of messages remembered per node. */
const mostRecorded = 100;

/** Ironic's `fault` value for a node whose power control does not respond. */
export const powerFailure = 'power failure';
const pollingSuspended = 'Polling is suspended until it responds; requests and operations still contact it.';

const backByItself = 'The node is in maintenance until then.';
const backByOperator = 'The node is in maintenance until an operator ends that.';
/** Not verified yet: its settings may be wrong. */
const unverified: readonly ProvisionState[] = ['enroll', 'verifying'];
type Shown = Pick<Node, 'fault' | 'maintenance' | 'last_error' | 'operation_id' | 'provision_state'>;
const shownColumns = ['fault', 'maintenance', 'last_error', 'operation_id', 'provision_state'] as const;
export type BmcHealthSettings = Pick<EngineSettings, 'power.recovery_interval'>;

/** Weight of the newest sample in the smoothed latency, as in RFC 6298. */
const newest = 1 / 8;

/** A request in progress; void when the node's settings have changed since it began. */
type Exchange = { isVoid: boolean };

export class BmcHealth {
  readonly #store: Store;
  readonly #lastErrors: Pick<LastErrors, 'besidePower'>;
  readonly #recoverySeconds: number;
  readonly #bmcHealth = new Map<string, BmcHealthState>();
  readonly #underWay = new Map<string, Set<Exchange>>();
  /** The text last written to the node's `last_error`, by node: it is cleared only if it still is that. */
  readonly #reported = new Map<string, string>();
  /** Last notice that came with a response, by node. */
  readonly #notices = new Map<string, string>();
  /** Messages already recorded once, by node. */
  readonly #recorded = new Map<string, Set<string>>();
  /** Nodes whose row is outdated because a write failed (for example because the disk was full). */
  readonly #unwritten = new Set<string>();

  constructor(store: Store, lastErrors: Pick<LastErrors, 'besidePower'>, settings: BmcHealthSettings) {
    this.#store = store;
    this.#lastErrors = lastErrors;
    this.#recoverySeconds = settings['power.recovery_interval'];
  }

  /** Restores the state from before the restart. */
  async load(): Promise<void> {
    for (const { node_uuid, reported, ...health } of await this.#store.bmc_health.list()) {
      this.#bmcHealth.set(node_uuid, health);
      if (reported !== null) this.#reported.set(node_uuid, reported);
    }
    for (const { uuid } of await this.#store.nodes.pick(['uuid'], { fault: powerFailure })) {
      if (!this.isOpen(uuid)) await this.#clearFault(this.#store, uuid, { isOver: true });
    }
  }

  get(uuid: string): BmcHealthState | undefined {
    return this.#bmcHealth.get(uuid);
  }

  isOpen(uuid: string): boolean {
    return isOpen(this.#bmcHealth.get(uuid));
  }

  /** Runs one request to a node's power control, and updates the BMC health from its result. */
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

  /** Wraps a power interface so that each request updates the BMC health. */
  guard<P extends PowerInterface>(power: P): P {
    return {
      ...power,
      getPower: async (node, callOptions) => {
        let said: string | undefined;
        const notice = (message: string) => {
          said = message;
        };
        const state = await this.ask(node.uuid, () => power.getPower(node, { ...callOptions, notice }));
        // A power change sees transitional states: only notices that a later poll repeats are recorded.
        if (callOptions?.background) this.#notice(node.uuid, said);
        return state;
      },
      setPower: (node, target, callOptions) => this.ask(node.uuid, () => power.setPower(node, target, callOptions)),
    };
  }

  /**
   * Discards all state, and the results of requests in progress, because the settings changed or the node was deleted.
   */
  async forget(uuid: string): Promise<void> {
    for (const exchange of this.#underWay.get(uuid) ?? []) exchange.isVoid = true;
    const message = this.#bmcHealth.get(uuid)?.message;
    this.#bmcHealth.delete(uuid);
    this.#unwritten.delete(uuid);
    this.#notices.delete(uuid);
    this.#recorded.delete(uuid);
    await this.#store.transaction(async (trx) => {
      await trx.bmc_health.remove({ node_uuid: uuid });
      await this.#clearFault(trx, uuid, { message, isOver: true });
    });
    this.#reported.delete(uuid);
  }

  /** Records each distinct message of BMC reads once per process lifetime. */
  noticeOnce(uuid: string): (message: string) => void {
    return (message) => {
      const recorded = this.#recorded.get(uuid) ?? new Set();
      if (recorded.has(message) || recorded.size >= mostRecorded) return;
      this.#recorded.set(uuid, recorded.add(message));
      this.#report(uuid, message);
    };
  }

  /** Records a notice when it first appears and when it clears. */
  #notice(uuid: string, message: string | undefined): void {
    if (message === this.#notices.get(uuid)) return;
    if (message === undefined) this.#notices.delete(uuid);
    else this.#notices.set(uuid, message);
    this.#report(uuid, message ?? 'the condition reported earlier has cleared');
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
    await this.#write(uuid, health, async (trx) => {
      await this.#clearFault(trx, uuid, { message: before?.message, isOver: this.#recoverySeconds > 0 });
      return undefined;
    });
    if (wasOpen) this.#report(uuid, `responds again, for the first time since ${before?.answered_at ?? 'enrolment'}`);
  }

  /** An operation may have failed with a fault that did not open the circuit. */
  async #endTrouble(uuid: string, before: BmcHealthState | undefined): Promise<void> {
    if (!before?.message) return;
    await this.#store
      .transaction((trx) => this.#clearFault(trx, uuid, { message: before.message, isOver: this.#recoverySeconds > 0 }))
      .catch(() => {});
  }

  async #failed(uuid: string, state: Failure, message: string): Promise<void> {
    const before = this.#bmcHealth.get(uuid);
    const now = Date.now();
    const failures = failuresAfter(before, state);
    const pause = this.#pauseAfter(state, failures);
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
    // On each failure, not only the first: `manage` and the end of maintenance clear a fault that still applies.
    const text = `${message} ${pollingSuspended}`;
    await this.#write(uuid, health, (trx) => this.#takeOut(trx, uuid, text));
    const isNews = !isOpen(before) || before?.state !== state;
    if (isNews) this.#report(uuid, `${text} Next poll at ${health.next_poll_at}.`);
  }

  /** A node in maintenance is polled as the setting says, but not a BMC that locks accounts. */
  #pauseAfter(state: Failure, failures: number): number {
    const pause = pauses[state][Math.min(failures, pauses[state].length) - 1]!;
    const isPolled = this.#recoverySeconds > 0 && state !== 'auth_failed' && failures >= failureThreshold[state];
    return isPolled ? Math.min(pause, this.#recoverySeconds) : pause;
  }

  /**
   * Out of service, as in Ironic, with a fault by which this maintenance is known from an operator's. An operation is left
   * to fail by itself. @returns the text that `last_error` has from here, if any
   */
  async #takeOut(trx: Store, uuid: string, text: string): Promise<string | undefined> {
    const [node] = await trx.nodes.pick(shownColumns, { uuid });
    if (!node || (node.fault !== null && node.fault !== powerFailure)) return this.#reported.get(uuid);
    const isNews = node.fault === null && !(node.maintenance && node.last_error === text);
    const fault = node.maintenance ? {} : { fault: powerFailure };
    const maintenance = mayTakeOut(node) ? { maintenance: true, maintenance_reason: `${text} ${this.#back()}` } : {};
    const patch = { ...fault, ...maintenance, ...(isNews && { last_error: text }) };
    if (Object.keys(patch).length > 0) await trx.nodes.update({ uuid }, patch);
    return isNews ? text : this.#reported.get(uuid);
  }

  #back(): string {
    return this.#recoverySeconds > 0 ? backByItself : backByOperator;
  }

  /**
   * Writes the row and the node's fault in one transaction, so that a crash cannot separate them. A failed write (for
   * example because the disk is full) is retried at the next update; it does not fail the BMC request.
   * @param changeNode returns the text that `last_error` has from here, if any
   */
  async #write(uuid: string, health: BmcHealthState, changeNode: (trx: Store) => Promise<string | undefined>): Promise<void> {
    try {
      const reported = await this.#store.transaction(async (trx) => {
        const text = await changeNode(trx);
        await trx.bmc_health.upsert(['node_uuid'], { node_uuid: uuid, ...health, reported: text ?? null });
        return text;
      });
      if (reported === undefined) this.#reported.delete(uuid);
      else this.#reported.set(uuid, reported);
      this.#unwritten.delete(uuid);
    } catch {
      this.#unwritten.add(uuid);
    }
  }

  /**
   * Clears only the fault set here. `last_error` is kept if it now reports something else; the fault may already have
   * been cleared.
   */
  async #clearFault(trx: Store, uuid: string, { message, isOver }: Cleared): Promise<void> {
    const [node] = await trx.nodes.pick(['uuid', ...shownColumns], { uuid });
    if (!node) return;
    const isOut = node.fault === powerFailure && node.maintenance;
    const ours = [this.#reported.get(uuid), message];
    const isOurs = node.last_error !== null && ours.includes(node.last_error);
    const patch = {
      ...(node.fault === powerFailure && (isOver || !isOut) && { fault: null }),
      ...(isOut && isOver && { maintenance: false, maintenance_reason: null }),
      ...(isOurs && { last_error: await this.#lastErrors.besidePower(trx, node) }),
    };
    if (Object.keys(patch).length > 0) await trx.nodes.update({ uuid }, patch);
    if (isOut && isOver) this.#report(uuid, 'the maintenance because of its power failure has ended');
  }

  #report(uuid: string, message: string): void {
    this.#store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'contact', message });
  }
}

/** `isOver`: maintenance because of the fault ends with it. */
type Cleared = { message?: string | null | undefined; isOver: boolean };

function mayTakeOut({ maintenance, operation_id, provision_state }: Shown): boolean {
  return !maintenance && operation_id === null && !unverified.includes(provision_state);
}

/** Of a node in maintenance because its BMC failed; an operator's maintenance is not ended by anyone else. */
export function isOutByFailure({ maintenance, fault }: Pick<Node, 'maintenance' | 'fault'>): boolean {
  return maintenance && fault === powerFailure;
}

function isOpen(health: BmcHealthState | undefined): boolean {
  return health !== undefined && health.state !== 'ok' && health.failures >= failureThreshold[health.state];
}

/** An open circuit stays open when the kind of failure changes; only a response closes it. */
function failuresAfter(before: BmcHealthState | undefined, state: Failure): number {
  if (before?.state === state) return before.failures + 1;
  return isOpen(before) ? failureThreshold[state] : 1;
}
