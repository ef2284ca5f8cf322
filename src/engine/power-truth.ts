/**
 * Keeps the power states of all idle nodes true. One scheduler: each node has a next look, looks are spread over the
 * interval and limited in number at once, a BMC in trouble is looked at more rarely, and one that tells of changes by
 * itself is looked at when it does.
 */
import type { Logger } from 'pino';
import { asFault } from '#domain/faults.ts';
import type { Node, PowerState } from '#domain/records.ts';
import type { Drivers, NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { BmcContacts } from './bmc-contacts.ts';
import { LookSchedule } from './look-schedule.ts';
import { type FoundPower, PowerPolicy, type PowerPolicyParts } from './power-policy.ts';
import { now } from './step-deadlines.ts';
import { interfaceOf } from './task.ts';

type Parts = PowerPolicyParts & { drivers: Drivers; settings: Settings; log: Logger; contacts: BmcContacts };

/** Nothing is known of a node before it was verified. */
const unverified: readonly Node['provision_state'][] = ['enroll', 'verifying'];
/** What a look needs of a node; the rest of a row, its inventory above all, is not read ten thousand times a minute. */
const columns = [
  ...(['id', 'uuid', 'name', 'driver', 'driver_info', 'properties', 'extra', 'power_state', 'power_interface'] as const),
  ...(['operation_id', 'maintenance', 'provision_state', 'instance_uuid'] as const),
] as const;
type LookedAt = Pick<Node, (typeof columns)[number]>;

/** Due nodes are gathered for so long, so that one query reads them all (milliseconds). */
const gatherMs = 100;
const batchMax = 200;
/** New nodes are noticed that often (milliseconds). */
const newcomersMs = 5000;
/** A state that surprises is looked at again after this long before anything is done about it (milliseconds). */
const secondLookMs = 3000;

export class PowerTruth {
  readonly #parts: Parts;
  readonly #policy: PowerPolicy;
  readonly #schedule = new LookSchedule();
  readonly #stop = new AbortController();
  /** Nodes being looked at now. */
  readonly #underWay = new Set<string>();
  /** Those of them that are to be looked at again at once. */
  readonly #hinted = new Set<string>();
  /** What the last look found where it was a surprise. */
  readonly #surprises = new Map<string, PowerState>();
  /** How to end the subscriptions of BMCs that tell of changes by themselves; undefined = it was tried. */
  readonly #watches = new Map<string, (() => Promise<void>) | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #newcomers: NodeJS.Timeout | undefined;
  #lastId = 0;
  #taking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#policy = new PowerPolicy(parts);
  }

  async start(): Promise<void> {
    if (this.#interval === 0 || this.#stop.signal.aborted) return;
    await this.#addNewcomers();
    this.#newcomers = setInterval(() => void this.#guard(this.#addNewcomers()), newcomersMs);
    this.#newcomers.unref();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearInterval(this.#newcomers);
    await Promise.all([...this.#watches.values()].map((end) => end?.().catch(() => {})));
    this.#watches.clear();
  }

  /** Something about the node changed, or its BMC spoke: it is looked at now. */
  lookNow(uuid: string): void {
    if (this.#interval === 0 || this.#stop.signal.aborted) return;
    this.#schedule.putSooner(uuid, now());
    this.#arm();
  }

  get #interval(): number {
    return this.#parts.settings['power.sync_interval'] * 1000;
  }

  /** Spreads first looks evenly over one interval, so that later ones stay spread. */
  async #addNewcomers(): Promise<void> {
    const rows = await this.#parts.store.db
      .selectFrom('nodes')
      .select(['id', 'uuid'])
      .where('id', '>', this.#lastId)
      .orderBy('id')
      .execute();
    const step = this.#interval / Math.max(rows.length, 1);
    for (const [index, { id, uuid }] of rows.entries()) {
      this.#schedule.put(uuid, now() + index * step);
      this.#lastId = Math.max(this.#lastId, id);
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#schedule.next();
    if (next === undefined || this.#stop.signal.aborted || this.#isFull) return;
    this.#timer = setTimeout(() => void this.#guard(this.#takeDue()), Math.max(gatherMs, next - now()));
    this.#timer.unref();
  }

  get #isFull(): boolean {
    return this.#underWay.size >= this.#parts.settings['power.looks_at_once'];
  }

  async #takeDue(): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    try {
      const room = this.#parts.settings['power.looks_at_once'] - this.#underWay.size;
      const due = this.#schedule.take(now(), Math.min(room, batchMax));
      // A hint while it is looked at: what it hinted at may have come after the answer was sent.
      for (const uuid of due) if (this.#underWay.has(uuid)) this.#hinted.add(uuid);
      await this.#consider(due.filter((uuid) => !this.#underWay.has(uuid)));
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
      for (const uuid of due) this.#schedule.putSooner(uuid, now() + this.#interval);
      throw error;
    }
  }

  async #read(uuids: readonly string[]): Promise<(LookedAt & NodeFacts)[]> {
    if (uuids.length === 0) return [];
    const { nodes, node_ports } = this.#parts.store;
    const rows: LookedAt[] = await nodes.pick(columns, { uuid: uuids });
    const ports = Map.groupBy(await node_ports.list({ node_uuid: uuids }, { orderBy: 'id' }), (port) => port.node_uuid);
    for (const uuid of uuids) if (!rows.some((row) => row.uuid === uuid)) await this.#dismiss(uuid);
    return rows.map((row) => ({ ...row, ports: ports.get(row.uuid) ?? [] }));
  }

  /** The node was deleted. */
  async #dismiss(uuid: string): Promise<void> {
    const end = this.#watches.get(uuid);
    this.#watches.delete(uuid);
    this.#surprises.delete(uuid);
    await this.#parts.contacts.forget(uuid);
    await end?.().catch(() => {});
  }

  #begin(node: LookedAt & NodeFacts): void {
    const power = interfaceOf(this.#parts.drivers.power, node.power_interface);
    const isIdle = node.operation_id === null && !node.maintenance && !unverified.includes(node.provision_state);
    if (!isIdle || power.byHandSeconds !== undefined) {
      this.#schedule.put(node.uuid, now() + this.#interval);
      return;
    }
    const begun = now();
    this.#underWay.add(node.uuid);
    void this.#look(node, power).finally(() => {
      this.#underWay.delete(node.uuid);
      if (this.#hinted.delete(node.uuid)) this.#schedule.putSooner(node.uuid, now());
      this.#schedule.putSooner(node.uuid, this.#nextLook(node.uuid, begun));
      this.#arm();
    });
  }

  #nextLook(uuid: string, begun: number): number {
    if (this.#surprises.has(uuid)) return now() + secondLookMs;
    const held = this.#parts.contacts.get(uuid)?.next_look_at;
    return held ? now() + Date.parse(held) - Date.now() : begun + this.#interval;
  }

  async #look(node: LookedAt & NodeFacts, power: PowerInterface): Promise<void> {
    const { contacts, log } = this.#parts;
    const { signal } = this.#stop;
    try {
      const seen = await contacts.ask(node.uuid, () => power.getPower(node, { signal, background: true }));
      await this.#compare(node, seen);
      await this.#watch(node, power);
    } catch (error) {
      if (signal.aborted) return;
      const fault = asFault(error);
      if (fault.code === 'internal') log.error({ node: node.uuid, err: error }, 'a look at the power state failed');
      else log.debug({ node: node.uuid, reason: fault.message }, 'the power state of a node could not be read');
    }
  }

  async #compare(node: LookedAt & NodeFacts, seen: PowerState): Promise<void> {
    const { uuid, power_state: expected } = node;
    const found: FoundPower = { node, expected, seen };
    const isSure = expected === null || this.#surprises.get(uuid) === seen || !this.#policy.acts(node);
    this.#surprises.delete(uuid);
    if (seen === expected) return;
    if (isSure) await this.#policy.handle(found);
    else this.#surprises.set(uuid, seen);
  }

  /** Once for each node, after its BMC has answered. */
  async #watch(node: NodeFacts, power: PowerInterface): Promise<void> {
    if (!power.watchPower || this.#watches.has(node.uuid)) return;
    const { uuid } = node;
    this.#watches.set(uuid, undefined);
    const end = await power.watchPower(node, () => this.lookNow(uuid), { signal: this.#stop.signal });
    this.#watches.set(uuid, end);
  }

  async #guard(work: Promise<void>): Promise<void> {
    await work.catch((error) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error({ err: error }, 'the nodes could not be looked through');
    });
  }
}
