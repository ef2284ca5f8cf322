/** BMC event subscriptions: one watch per node whose power interface supports it, restarted after a failure. */
import type { Logger } from 'pino';
import { raceAbort } from '#async/abort.ts';
import { asFault } from '#domain/faults.ts';
import type { NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import { now } from '../worker/step-deadlines.ts';
import type { EventSubscriptions } from './event-subscriptions.ts';

type Parts = {
  readonly log: Logger;
  /** Called when an event arrives from the node's BMC. */
  hint(uuid: string): void;
  readonly subscriptions?: Pick<EventSubscriptions, 'isEnding' | 'of'>;
  readonly times?: WatchTimes;
};

/** In milliseconds. */
export type WatchTimes = {
  /** Retry delays; the last repeats. */
  readonly pauses: readonly number[];
  /** Retry delay for a BMC without event support; a firmware update may add it. */
  readonly cannot: number;
  /** Timeout of one attempt. */
  readonly begin: number;
};
const usualTimes: WatchTimes = { pauses: [60_000, 300_000, 900_000, 3_600_000], cannot: 86_400_000, begin: 120_000 };

type WatchedNode = NodeFacts & { readonly revision: number; readonly power_interface: string };

type Watch = {
  /** Of the node when the watch was started; other settings need another watch. */
  readonly revision: number;
  readonly ended: AbortController;
  failures: number;
  /** Undefined: the watch is starting or active. */
  tryAgainAt: number | undefined;
  end: (() => Promise<void>) | undefined;
};

/** Subscriptions are created after polls, a few at a time; the remaining nodes are subscribed after their next poll. */
const begunAtOnce = 20;

export class PowerWatches {
  readonly #parts: Parts;
  readonly #times: WatchTimes;
  readonly #watches = new Map<string, Watch>();
  #beginning = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#times = parts.times ?? usualTimes;
  }

  /** Called after each successful poll. */
  consider(node: WatchedNode, power: PowerInterface): void {
    const known = this.#watches.get(node.uuid);
    const { watchPower } = power;
    if (!watchPower) {
      if (known) this.forget(node.uuid);
      return;
    }
    const { revision } = node;
    if (known?.revision === revision && (known.tryAgainAt === undefined || known.tryAgainAt > now())) return;
    if (this.#beginning >= begunAtOnce || this.#parts.subscriptions?.isEnding(node.uuid)) return;
    if (known && known.revision !== revision) this.forget(node.uuid);
    const failures = known?.revision === revision ? known.failures : 0;
    const watch: Watch = { revision, ended: new AbortController(), failures, tryAgainAt: undefined, end: undefined };
    this.#watches.set(node.uuid, watch);
    void this.#begin(watch, node, watchPower);
  }

  /** Ends the watch of a node that was deleted or has another BMC. */
  forget(uuid: string): void {
    const watch = this.#watches.get(uuid);
    this.#watches.delete(uuid);
    if (watch) void endWatch(watch);
  }

  async stop(): Promise<void> {
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    await Promise.all(watches.map(endWatch));
  }

  async #begin(watch: Watch, node: WatchedNode, begin: NonNullable<PowerInterface['watchPower']>): Promise<void> {
    const { signal } = watch.ended;
    const { pauses, cannot, begin: beginMs } = this.#times;
    const hint = () => {
      if (!signal.aborted) this.#parts.hint(node.uuid);
    };
    this.#beginning += 1;
    const timer = setTimeout(() => watch.ended.abort(new Error(`no answer within ${beginMs / 1000} s`)), beginMs);
    try {
      const subscriptions = this.#parts.subscriptions?.of(node);
      const begun = begin(node, hint, { signal, ...(subscriptions && { subscriptions }) });
      begun.then(
        // Set synchronously, so that a `forget` at this moment finds the watch to end.
        (end) => {
          watch.end = end;
          if (signal.aborted) void endWatch(watch);
        },
        () => {},
      );
      if (!(await raceAbort(begun, signal))) watch.tryAgainAt = now() + cannot;
      watch.failures = 0;
    } catch (error) {
      watch.ended.abort(error);
      watch.tryAgainAt = now() + pauses[Math.min(watch.failures, pauses.length - 1)]!;
      watch.failures += 1;
      const { message } = asFault(error);
      this.#parts.log.debug({ node: node.uuid, reason: message }, 'could not subscribe to events of a BMC');
    } finally {
      clearTimeout(timer);
      this.#beginning -= 1;
    }
  }
}

/** Idempotent. */
async function endWatch(watch: Watch): Promise<void> {
  const { ended, end } = watch;
  watch.end = undefined;
  ended.abort(new Error('the watch is over'));
  await end?.().catch(() => {});
}
