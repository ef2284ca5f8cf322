/**
 * Keeps the power states of all idle nodes true. One scheduler: each node has a next look, looks are spread over the
 * interval and limited in number at once, a BMC in trouble is looked at more rarely, and one that tells of changes by
 * itself is looked at when it does.
 */
import type { Logger } from 'pino';
import { asFault, Fault } from '#domain/faults.ts';
import type { Node, PowerState } from '#domain/records.ts';
import type { Drivers, NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import { type BmcHealth, longestPauseMs } from './bmc-health.ts';
import type { BootStates } from './boot-states.ts';
import type { NodeReservations } from './node-reservations.ts';
import { PollSchedule } from './poll-schedule.ts';
import { type PollClass, PollSlots } from './poll-slots.ts';
import { type FoundPower, PowerPolicy, type PowerPolicyParts } from './power-policy.ts';
import { PowerWatches } from './power-watches.ts';
import { longestTimerMs, now, orAborted } from './step-deadlines.ts';
import { interfaceOf } from './task.ts';

type Parts = PowerPolicyParts & {
  drivers: Drivers;
  settings: Settings;
  log: Logger;
  bmcHealth: BmcHealth;
  /** Told of each look that was answered. */
  bootStates?: Pick<BootStates, 'consider' | 'forget' | 'stop'>;
  /** Nodes that a request has for itself are left alone. */
  reservations?: Pick<NodeReservations, 'has'>;
  /** Longest look, whatever the driver does (milliseconds). */
  pollMs?: number;
};

/** Nothing is known of a node before it was verified. */
const unverified: readonly Node['provision_state'][] = ['enroll', 'verifying'];
/** What a look needs of a node; the rest of a row, its inventory above all, is not read ten thousand times a minute. */
const columns = [
  ...(['id', 'uuid', 'name', 'driver', 'driver_info', 'properties', 'extra', 'power_state', 'power_interface'] as const),
  ...(['management_interface'] as const),
  ...(['operation_id', 'maintenance', 'provision_state', 'instance_uuid'] as const),
] as const;
type PolledNode = Pick<Node, (typeof columns)[number]> & NodeFacts;

/** Due nodes are gathered for so long, so that one query reads them all (milliseconds). */
const gatherMs = 100;
const batchMax = 200;
/** New nodes are noticed that often (milliseconds). */
const newNodesMs = 5000;
/** For so long a clock that was set back may keep a change from being believed (milliseconds). */
const clockSlackMs = 60_000;
/** A tick that is so late was not late by itself: the process was stopped (milliseconds). */
const stallMs = 5000;
/** A state that surprises is looked at again after this long before anything is done about it (milliseconds). */
const confirmAfterMs = 3000;
/** A BMC that tells of more and more is looked at no more often than this (milliseconds). */
const hintsApartMs = 1000;
/** Beyond the deadlines that drivers keep by themselves (milliseconds). */
const longestPollMs = 120_000;

/** Answers that a BMC has to give where its session was lost, repeats included. */
const answersForSession = 10;

/**
 * A slow BMC is looked at sooner: what is known of it must not get old while it takes its time for a new session.
 * All in milliseconds.
 */
export function pollInterval(interval: number, latency: number): number {
  return Math.max(interval / 2, interval - answersForSession * latency);
}

export class PowerStateSync {
  readonly #parts: Parts;
  readonly #policy: PowerPolicy;
  readonly #watches: PowerWatches;
  /** BMCs that did not answer last time stand in a line of their own, so that the others need not wait behind them. */
  readonly #schedules: Record<PollClass, PollSchedule> = { healthy: new PollSchedule(), degraded: new PollSchedule() };
  /** Nodes being looked at now. */
  readonly #slots: PollSlots;
  /** Those of them that are to be looked at again at once. */
  readonly #hinted = new Set<string>();
  /** What the last look found where it was a surprise. */
  readonly #surprises = new Map<string, PowerState>();
  readonly #stop = new AbortController();
  /** To end each look that is under way, by node. */
  readonly #polls = new Map<string, AbortController>();
  #timer: NodeJS.Timeout | undefined;
  #newNodes: NodeJS.Timeout | undefined;
  #lastId = 0;
  /** When this process was seen to run last; undefined before the start. */
  #lastTick: number | undefined;
  #taking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#policy = new PowerPolicy(parts);
    this.#watches = new PowerWatches({ log: parts.log, hint: (uuid) => this.#heard(uuid) });
    this.#slots = new PollSlots(parts.settings['power.sync_workers'], () => this.#arm());
  }

  async start(): Promise<void> {
    if (this.#isIdle) return;
    await this.#addNewNodes();
    this.#lastTick = now();
    this.#newNodes = setInterval(() => this.#tick(), newNodesMs);
    this.#newNodes.unref();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('Ingot is stopping'));
    for (const poll of this.#polls.values()) poll.abort(this.#stop.signal.reason);
    clearTimeout(this.#timer);
    clearInterval(this.#newNodes);
    await Promise.all([this.#watches.stop(), this.#parts.bootStates?.stop()]);
  }

  /** Something about the node changed, or somebody wants to know: it is looked at now. */
  pollNow(uuid: string): void {
    if (this.#isIdle) return;
    this.#noticeStop();
    this.#putSooner(uuid, now());
    this.#arm();
  }

  /** Its settings are others now: what a look under way would bring is of the former ones. */
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

  /** A process that was stopped for minutes has all nodes due at once when it goes on. Whichever timer is first asks. */
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

  /** Its BMC spoke. One that refuses our password is not asked again for that: BMCs lock accounts. */
  #heard(uuid: string): void {
    if (this.#isIdle || this.#parts.bmcHealth.get(uuid)?.state === 'auth_failed') return;
    this.#putSooner(uuid, now() + hintsApartMs);
    this.#arm();
  }

  /** Spreads first looks evenly over one interval, so that later ones stay spread. */
  async #addNewNodes(): Promise<void> {
    const rows = await this.#parts.store.db
      .selectFrom('nodes')
      .select(['id', 'uuid'])
      .where('id', '>', this.#lastId)
      .orderBy('id')
      .execute();
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

  /** When the next look is due for which there is a place. */
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
      // A hint while it is looked at: what it hinted at may have come after the answer was sent.
      for (const uuid of due) if (this.#slots.has(uuid)) this.#hinted.add(uuid);
      await this.#consider(due.filter((uuid) => !this.#slots.has(uuid)));
    } finally {
      this.#taking = false;
      this.#arm();
    }
  }

  /** Nodes that could not be read (the disk is full) keep their place. */
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
    const found = new Set(rows.map(({ uuid }) => uuid));
    for (const uuid of uuids) if (!found.has(uuid)) await this.#dismiss(uuid);
    return rows.map((row) => ({ ...row, ports: ports.get(row.uuid) ?? [] }));
  }

  /** The node was deleted. */
  async #dismiss(uuid: string): Promise<void> {
    this.#watches.forget(uuid);
    this.#parts.bootStates?.forget(uuid);
    this.#surprises.delete(uuid);
    this.#policy.forget(uuid);
    await this.#parts.bmcHealth.forget(uuid);
  }

  #begin(node: PolledNode): void {
    const power = this.#powerOf(node);
    const isTaken = node.operation_id !== null || this.#parts.reservations?.has(node.uuid);
    const isIdle = !isTaken && !node.maintenance && !unverified.includes(node.provision_state);
    if (!power || !isIdle || power.operatorTimeoutSeconds !== undefined) {
      this.#putSooner(node.uuid, now() + this.#interval);
      return;
    }
    const begun = now();
    this.#slots.take(node.uuid, this.#classOf(node.uuid));
    // Not `AbortSignal.any` with a signal as old as the process: hundreds of looks a second would hang on to it.
    const poll = new AbortController();
    this.#polls.set(node.uuid, poll);
    void this.#poll(node, power, poll).finally(() => {
      this.#polls.delete(node.uuid);
      if (this.#hinted.delete(node.uuid)) this.#putSooner(node.uuid, now());
      this.#putSooner(node.uuid, this.#nextPoll(node.uuid, begun));
      this.#slots.release(node.uuid);
    });
  }

  /** One node with settings that nobody understands must not cost the others their looks. */
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
    return this.#heldUntil(uuid) ?? begun + pollInterval(this.#interval, this.#parts.bmcHealth.get(uuid)?.latency_ms ?? 0);
  }

  /** On the process's own clock; a clock that was set while Ingot was down makes no pause longer than the longest. */
  #heldUntil(uuid: string): number | undefined {
    const held = this.#parts.bmcHealth.get(uuid)?.next_poll_at;
    return held ? now() + Math.min(Date.parse(held) - Date.now(), longestPauseMs) : undefined;
  }

  async #poll(node: PolledNode, power: PowerInterface, poll: AbortController): Promise<void> {
    const { bmcHealth, log } = this.#parts;
    const begun = Date.now();
    try {
      const seen = await bmcHealth.ask(node.uuid, () => this.#ask(node, power, poll));
      poll.signal.throwIfAborted();
      await this.#compare(node, { seen, begun });
      if (poll.signal.aborted) return;
      this.#watches.consider(node, power);
      this.#parts.bootStates?.consider(node, seen);
    } catch (error) {
      const fault = asFault(error);
      // Ended by us, and not for being late.
      if (poll.signal.aborted && !(poll.signal.reason instanceof Fault)) return;
      if (fault.code === 'internal') log.error({ node: node.uuid, err: error }, 'power state poll failed');
      else log.debug({ node: node.uuid, reason: fault.message }, 'could not read the power state of a node');
    }
  }

  /** Bounded by a deadline of our own, since a look that never ends would hold its place for ever. */
  async #ask(node: PolledNode, power: PowerInterface, poll: AbortController): Promise<PowerState> {
    const ms = this.#parts.pollMs ?? longestPollMs;
    const address = `node ${node.name ?? node.uuid}`;
    const tooLong = { address, attempts: 1, seconds: ms / 1000, detail: 'the poll timed out' };
    const timer = setTimeout(() => poll.abort(new Fault('bmcUnreachable', tooLong)), ms);
    try {
      return await orAborted(power.getPower(node, { signal: poll.signal, background: true }), poll.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #compare(node: PolledNode, { seen, begun }: { seen: PowerState; begun: number }): Promise<void> {
    const { uuid, power_state: expected } = node;
    const found: FoundPower = { node, expected, seen };
    const isSure = expected === null || this.#surprises.get(uuid) === seen || !this.#policy.acts(node);
    this.#surprises.delete(uuid);
    if (seen === expected) return;
    if (!isSure || (await this.#wasBusySince(uuid, begun))) this.#surprises.set(uuid, seen);
    else await this.#policy.handle(found);
  }

  /** What was seen in the midst of an operation is no news, even where all looks the same again after it. */
  async #wasBusySince(node_uuid: string, begun: number): Promise<boolean> {
    const { operations } = this.#parts.store;
    const [last] = await operations.list({ node_uuid }, { orderBy: 'created_at', descending: true, limit: 1 });
    if (last?.ended_at === null) return true;
    const ended = Date.parse(last?.ended_at ?? '');
    // An end far in the future is from before the clock was set back; it says nothing of this look.
    return ended >= begun && ended <= Date.now() + clockSlackMs;
  }

  async #guard(work: Promise<void>): Promise<void> {
    await work.catch((error) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error({ err: error }, 'power state sync failed');
    });
  }
}
