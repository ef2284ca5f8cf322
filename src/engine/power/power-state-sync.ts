/**
 * Power state sync: polls all idle nodes so that their recorded power states stay true. A scheduler spreads the polls
 * over the interval and limits how many run at once. It polls a failing BMC less often, and polls a BMC that sends
 * events when an event arrives.
 */
import type { Logger } from 'pino';
import { raceAbort } from '#async/abort.ts';
import { longestTimerMs } from '#async/timers.ts';
import { asFault, Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Drivers, Health, NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import { reservedNodes } from '../nodes/busy-node.ts';
import { nodesThatHold, releaseHeld } from '../servers/held-addresses.ts';
import type { EngineSettings } from '../settings.ts';
import { now } from '../worker/step-deadlines.ts';
import { interfaceOf } from '../worker/task.ts';
import { type BmcHealth, isOutByFailure, longestPauseMs } from './bmc-health.ts';
import type { BootStates } from './boot-states.ts';
import { EventSubscriptions } from './event-subscriptions.ts';
import { gatheredWith, PollSchedule } from './poll-schedule.ts';
import { type PollClass, PollSlots } from './poll-slots.ts';
import { type FoundPower, PowerPolicy, type PowerPolicyParts } from './power-policy.ts';
import { PowerWatches } from './power-watches.ts';
import { recordHealth } from './record-health.ts';

type Parts = PowerPolicyParts & {
  drivers: Drivers;
  settings: EngineSettings;
  log: Logger;
  bmcHealth: BmcHealth;
  /** Notified of each successful poll. */
  bootStates?: Pick<BootStates, 'consider' | 'forget' | 'stop'>;
  /** Poll timeout, independent of the driver (milliseconds). */
  pollMs?: number;
};

/** Provision states in which a node has not been verified: its power state is unknown. */
const unverified: readonly Node['provision_state'][] = ['enroll', 'verifying'];
/**
 * The columns that a poll needs. The rest of a row, above all its inventory, is not read ten thousand times a minute.
 */
const columns = [
  ...(['id', 'uuid', 'name', 'driver', 'driver_info', 'revision', 'properties', 'extra', 'power_state'] as const),
  ...(['power_interface', 'management_interface', 'disable_power_off'] as const),
  ...(['operation_id', 'maintenance', 'fault', 'health', 'provision_state', 'instance_uuid'] as const),
] as const;
type Asking = { poll: AbortController; hear: (health: Health | null) => void };
/** `isReserved`: by a request, which nothing else at its BMC may disturb. */
type PolledNode = Pick<Node, (typeof columns)[number]> & NodeFacts & { isReserved: boolean; holdsAddresses: boolean };

/** Batching delay: due nodes are collected for this long, then read in one query (milliseconds). */
const gatherMs = 100;
const batchMax = 200;
/** Interval at which new nodes are added to the schedule (milliseconds). */
const newNodesMs = 5000;
/** After the clock is set back, a change can be ignored for at most this long (milliseconds). */
const clockSlackMs = 60_000;
/** A tick later than this means that the process was suspended (milliseconds). */
const stallMs = 5000;
/** Delay of the poll that confirms an unexpected state before the policy acts on it (milliseconds). */
const confirmAfterMs = 3000;
/** Minimum interval between polls triggered by BMC events (milliseconds). */
const hintsApartMs = 1000;
/** Default poll timeout; longer than the drivers' own timeouts (milliseconds). */
const longestPollMs = 120_000;

/** Responses needed from a BMC that has lost our session, retries included. */
const answersForSession = 10;

/**
 * Polls a slow BMC earlier, so that its recorded state does not go stale while a new session is opened. All in
 * milliseconds.
 */
export function pollInterval(interval: number, latency: number): number {
  return Math.max(interval / 2, interval - answersForSession * latency);
}

export class PowerStateSync {
  readonly #parts: Parts;
  readonly #policy: PowerPolicy;
  readonly #watches: PowerWatches;
  readonly #subscriptions: EventSubscriptions;
  /** BMCs that failed their last poll have a separate schedule, so that they do not delay the others. */
  readonly #schedules: Record<PollClass, PollSchedule> = { healthy: new PollSchedule(), degraded: new PollSchedule() };
  /** Nodes being polled now. */
  readonly #slots: PollSlots;
  /** Nodes being polled that must be polled again immediately. */
  readonly #hinted = new Set<string>();
  /** Result of the last poll where it was unexpected, by node. */
  readonly #surprises = new Map<string, PowerState>();
  readonly #stop = new AbortController();
  /** Abort controllers of the running polls, by node. */
  readonly #polls = new Map<string, AbortController>();
  #timer: NodeJS.Timeout | undefined;
  #newNodes: NodeJS.Timeout | undefined;
  #lastId = 0;
  /** Last time at which this process was known to run; undefined before `start`. */
  #lastTick: number | undefined;
  #taking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#policy = new PowerPolicy(parts);
    this.#subscriptions = new EventSubscriptions(parts);
    this.#watches = new PowerWatches({
      log: parts.log,
      hint: (uuid) => this.#heard(uuid),
      subscriptions: this.#subscriptions,
    });
    this.#slots = new PollSlots(parts.settings['power.sync_workers'], () => this.#arm());
  }

  async start(): Promise<void> {
    // Also without polls: they may have been turned off since.
    void this.#guard(this.#subscriptions.start());
    if (this.#isIdle) return;
    await this.#addNewNodes();
    this.#lastTick = now();
    this.#newNodes = setInterval(() => this.#tick(), newNodesMs);
    this.#newNodes.unref();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('Ingot is stopping'));
    for (const poll of this.#polls.values()) poll.abort(this.#stop.signal.reason);
    this.#subscriptions.stop();
    clearTimeout(this.#timer);
    clearInterval(this.#newNodes);
    await Promise.all([this.#watches.stop(), this.#parts.bootStates?.stop()]);
  }

  /** Polls the node now, because it has changed or a request needs its state. */
  pollNow(uuid: string): void {
    if (this.#isIdle) return;
    this.#noticeStop();
    this.#putSooner(uuid, now());
    this.#arm();
  }

  /** Aborts a running poll, whose result would be based on outdated settings, and polls the node again. */
  restartPoll(uuid: string): void {
    this.#surprises.delete(uuid);
    this.#polls.get(uuid)?.abort(new Error('the settings of the node have changed'));
    this.pollNow(uuid);
  }

  #tick(): void {
    this.#noticeStop();
    this.#lastTick = now();
    void this.#guard(this.#addNewNodes());
  }

  /**
   * When a suspended process resumes after minutes, all nodes are due at once. The first timer to fire detects that.
   */
  #noticeStop(): void {
    const [former, at] = [this.#lastTick, now()];
    if (former === undefined || at - former < newNodesMs + stallMs) return;
    this.#lastTick = at;
    for (const schedule of Object.values(this.#schedules)) schedule.makeUp(former, at);
  }

  get #interval(): number {
    return this.#parts.settings['power.sync_interval'] * 1000;
  }

  get #isIdle(): boolean {
    return this.#interval === 0 || this.#stop.signal.aborted;
  }

  /** Handles an event from the BMC. After an authentication failure it triggers no poll, because BMCs lock accounts. */
  #heard(uuid: string): void {
    if (this.#isIdle || this.#parts.bmcHealth.get(uuid)?.state === 'auth_failed') return;
    this.#putSooner(uuid, now() + hintsApartMs);
    this.#arm();
  }

  /** Spreads the first polls evenly over one interval, so that later ones stay spread. */
  async #addNewNodes(): Promise<void> {
    const rows = await this.#parts.store.nodes.pick(
      ['id', 'uuid'],
      {},
      { order: [{ column: 'id' }], after: { id: this.#lastId, uuid: '' } },
    );
    const step = this.#interval / Math.max(rows.length, 1);
    for (const [index, { id, uuid }] of rows.entries()) {
      this.#put(uuid, Math.max(now() + index * step, this.#heldUntil(uuid) ?? 0));
      this.#lastId = Math.max(this.#lastId, id);
    }
    this.#arm();
  }

  #classOf(uuid: string): PollClass {
    return (this.#parts.bmcHealth.get(uuid)?.failures ?? 0) > 0 ? 'degraded' : 'healthy';
  }

  #put(uuid: string, at: number): void {
    const pollClass = this.#classOf(uuid);
    this.#schedules[pollClass === 'healthy' ? 'degraded' : 'healthy'].remove(uuid);
    this.#schedules[pollClass].put(uuid, at);
  }

  #putSooner(uuid: string, at: number): void {
    const { healthy, degraded } = this.#schedules;
    if (at < Math.min(healthy.dueOf(uuid) ?? Number.POSITIVE_INFINITY, degraded.dueOf(uuid) ?? Number.POSITIVE_INFINITY))
      this.#put(uuid, at);
  }

  /** Due time of the next poll that has a free slot. */
  #nextDue(): number | undefined {
    const due = (['healthy', 'degraded'] as const)
      .filter((pollClass) => this.#slots.free(pollClass) > 0)
      .map((pollClass) => this.#schedules[pollClass].next())
      .filter((at) => at !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#nextDue();
    if (next === undefined || this.#stop.signal.aborted) return;
    const pause = Math.min(Math.max(gatherMs, next - now()), longestTimerMs);
    this.#timer = setTimeout(() => void this.#guard(this.#takeDue()), pause);
    this.#timer.unref();
  }

  async #takeDue(): Promise<void> {
    if (this.#taking) return;
    this.#noticeStop();
    this.#taking = true;
    try {
      const due = (['healthy', 'degraded'] as const).flatMap((pollClass) =>
        this.#schedules[pollClass].take(now(), Math.min(this.#slots.free(pollClass), batchMax)),
      );
      // A hint during a poll: the change may have happened after the BMC sent its response, so poll again.
      for (const uuid of due) if (this.#slots.has(uuid)) this.#hinted.add(uuid);
      await this.#consider(due.filter((uuid) => !this.#slots.has(uuid)));
    } finally {
      this.#taking = false;
      this.#arm();
    }
  }

  /** Nodes that could not be read (for example because the disk is full) stay scheduled. */
  async #consider(due: readonly string[]): Promise<void> {
    try {
      for (const node of await this.#read(due)) this.#begin(node);
    } catch (error) {
      for (const uuid of due) if (!this.#slots.has(uuid)) this.#putSooner(uuid, now() + this.#interval);
      throw error;
    }
  }

  async #read(uuids: readonly string[]): Promise<PolledNode[]> {
    if (uuids.length === 0) return [];
    const { nodes, node_ports } = this.#parts.store;
    const rows = await nodes.pick(columns, { uuid: uuids });
    const ports = Map.groupBy(await node_ports.list({ node_uuid: uuids }, { orderBy: 'id' }), (port) => port.node_uuid);
    const reserved = await reservedNodes(this.#parts.store);
    const holding = await nodesThatHold(this.#parts.store);
    const found = new Set(rows.map(({ uuid }) => uuid));
    for (const uuid of uuids) if (!found.has(uuid)) await this.#dismiss(uuid);
    return rows.map((row) => ({
      ...row,
      ports: ports.get(row.uuid) ?? [],
      isReserved: reserved.has(row.uuid),
      holdsAddresses: holding.has(row.uuid),
    }));
  }

  /** Removes the state of a deleted node. */
  async #dismiss(uuid: string): Promise<void> {
    this.#watches.forget(uuid);
    this.#parts.bootStates?.forget(uuid);
    this.#surprises.delete(uuid);
    this.#policy.forget(uuid);
    await this.#parts.bmcHealth.forget(uuid);
  }

  #begin(node: PolledNode): void {
    const power = this.#powerOf(node);
    const isTaken = node.operation_id !== null || node.isReserved;
    const isOut = node.maintenance && !this.#mayRecover(node);
    const isIdle = !isTaken && !isOut && !unverified.includes(node.provision_state);
    if (!power || !isIdle || power.operatorTimeoutSeconds !== undefined) {
      this.#putSooner(node.uuid, now() + this.#interval);
      return;
    }
    const begun = now();
    this.#slots.take(node.uuid, this.#classOf(node.uuid));
    // Not `AbortSignal.any` with a process-wide signal: it would accumulate references from hundreds of polls a second.
    const poll = new AbortController();
    this.#polls.set(node.uuid, poll);
    void this.#poll(node, power, poll).finally(() => {
      this.#polls.delete(node.uuid);
      if (this.#hinted.delete(node.uuid)) this.#putSooner(node.uuid, now());
      this.#putSooner(node.uuid, this.#nextPoll(node.uuid, begun));
      this.#slots.release(node.uuid);
    });
  }

  #mayRecover(node: PolledNode): boolean {
    return this.#parts.settings['power.recovery_interval'] > 0 && isOutByFailure(node);
  }

  /** A node with invalid settings must not stop the polls of the others. */
  #powerOf(node: PolledNode): PowerInterface | undefined {
    try {
      return interfaceOf(this.#parts.drivers.power, node.power_interface);
    } catch (error) {
      this.#parts.log.debug({ node: node.uuid, reason: asFault(error).message }, 'node with an unknown power interface');
      return undefined;
    }
  }

  #nextPoll(uuid: string, begun: number): number {
    if (this.#surprises.has(uuid)) return now() + confirmAfterMs;
    const interval = pollInterval(this.#interval, this.#parts.bmcHealth.get(uuid)?.latency_ms ?? 0);
    return this.#heldUntil(uuid) ?? this.#withOthers(begun + interval);
  }

  #withOthers(at: number): number {
    const nodes = this.#schedules.healthy.size + this.#schedules.degraded.size;
    return gatheredWith({ at, nodes, interval: this.#interval });
  }

  /** On the monotonic clock. Capped at the longest pause, in case the wall clock was set while Ingot was down. */
  #heldUntil(uuid: string): number | undefined {
    const held = this.#parts.bmcHealth.get(uuid)?.next_poll_at;
    return held ? now() + Math.min(Date.parse(held) - Date.now(), longestPauseMs) : undefined;
  }

  async #poll(node: PolledNode, power: PowerInterface, poll: AbortController): Promise<void> {
    const { bmcHealth, log } = this.#parts;
    const begun = Date.now();
    try {
      let health: Health | null | undefined;
      const hear = (found: Health | null) => {
        health = found;
      };
      const seen = await bmcHealth.ask(node.uuid, () => this.#ask(node, power, { poll, hear }));
      poll.signal.throwIfAborted();
      await this.#compare(node, { seen, begun });
      if (seen === 'power off' && node.holdsAddresses && !(await this.#wasBusySince(node.uuid, begun)))
        await releaseHeld(this.#parts.store, { node_uuid: node.uuid }, 'the machine was found powered off');
      if (health !== undefined && health !== node.health) await recordHealth(this.#parts.store, node, health);
      if (poll.signal.aborted) return;
      this.#watches.consider(node, power);
      this.#parts.bootStates?.consider(node, seen);
    } catch (error) {
      const fault = asFault(error);
      // Aborted by Ingot, but not by the poll timeout.
      if (poll.signal.aborted && !(poll.signal.reason instanceof Fault)) return;
      if (fault.code === 'internal') log.error({ node: node.uuid, err: error }, 'power state poll failed');
      else log.debug({ node: node.uuid, reason: fault.message }, 'could not read the power state of a node');
    }
  }

  /** Has its own timeout, because a poll that never ends would occupy its slot forever. */
  async #ask(node: PolledNode, power: PowerInterface, { poll, hear }: Asking): Promise<PowerState> {
    const ms = this.#parts.pollMs ?? longestPollMs;
    const address = `node ${node.name ?? node.uuid}`;
    const tooLong = { address, attempts: 1, seconds: ms / 1000, detail: 'the poll timed out' };
    const timer = setTimeout(() => poll.abort(new Fault('bmcUnreachable', tooLong)), ms);
    try {
      return await raceAbort(power.getPower(node, { signal: poll.signal, background: true, health: hear }), poll.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #compare(node: PolledNode, { seen, begun }: { seen: PowerState; begun: number }): Promise<void> {
    const { uuid, power_state: expected } = node;
    // What happened while its BMC was away is recorded, as in Ironic.
    const found: FoundPower = { node, expected, seen, hasRecovered: this.#mayRecover(node) };
    const isSure = expected === null || found.hasRecovered || this.#surprises.get(uuid) === seen || !this.#policy.acts(node);
    this.#surprises.delete(uuid);
    if (seen === expected) return;
    if (!isSure || (await this.#wasBusySince(uuid, begun))) this.#surprises.set(uuid, seen);
    else await this.#policy.handle(found);
  }

  /** A state read during an operation is not a change, even if node and operation look the same afterwards. */
  async #wasBusySince(node_uuid: string, begun: number): Promise<boolean> {
    const { operations } = this.#parts.store;
    const [last] = await operations.list({ node_uuid }, { orderBy: 'created_at', descending: true, limit: 1 });
    if (last?.ended_at === null) return true;
    const ended = Date.parse(last?.ended_at ?? '');
    // An end far in the future was recorded before the clock was set back; it says nothing about this poll.
    return ended >= begun && ended <= Date.now() + clockSlackMs;
  }

  async #guard(work: Promise<void>): Promise<void> {
    await work.catch((error) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error({ err: error }, 'power state sync failed');
    });
  }
}
