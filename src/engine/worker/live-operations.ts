/** The running operations and their in-memory state: timers, abort signals, time of the agent's last message. */
import { EventEmitter } from 'node:events';
import { RateLimiter } from '#async/rate-limiter.ts';
import { SerialQueue } from '#async/serial-queue.ts';
import { LongTimer } from '#async/timers.ts';
import type { Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Operation } from '#store/tables/operations.ts';
import { BootSigns } from '../messages/boot-signs.ts';
import type { RunningOperation } from './base-context.ts';
import { endOf, now } from './step-deadlines.ts';
import { StepMemory } from './step-memory.ts';

export class LiveOperation {
  /** Current content of the row. */
  operation: RunningOperation;
  /** Writes of the row: each sees the result of the previous one. */
  readonly writes = new SerialQueue();
  controller = new AbortController();
  cancelled: Fault | undefined;
  /** Why this version cannot continue the operation. */
  unknown: Fault | undefined;
  driving: Promise<void> | undefined;
  again = false;
  readonly timer = new LongTimer();
  /** Deadline of the step, on the clock of step-deadlines.ts, as are the times below. */
  endsAt: number;
  /** Reset by a restart: the agent may not have reached us yet. */
  lastHeard = now();
  /** The running command: its start, when progress was last recorded, whether its end was, and the latest message. */
  progress: { command: string; since: number; last: number; isEnded: boolean; message?: string } | undefined;
  /** Rate limit of agent messages: about two a second during work, and some retries. */
  readonly requests = new RateLimiter(300, 300);
  isOverBudget = false;
  /** Consecutive failed writes of the row. */
  unwritten = 0;
  announcedStep: Step | undefined;
  /** The wait of a step that polls, and when it runs again. */
  timedWait: { wait: string; at: number } | undefined;
  /** What is remembered between the runs of the step. */
  memory = new StepMemory();
  /** What the resting step waits for, without the details learned since. */
  wait: string | undefined;
  /** Rate limit of wait updates, each of which writes the row: a flood on the network must not multiply writes. */
  readonly tellings = new RateLimiter(60, 30);
  /** What is known of the machine's boot since it was last powered on. */
  signs = new BootSigns();
  /** The current wait of this step, if it has its own deadline. */
  longWait: { wait: string; seconds: number } | undefined;
  /** Emits `ready` when a command for the agent is queued. */
  readonly commandReady = new EventEmitter();

  constructor(operation: RunningOperation) {
    this.operation = operation;
    this.endsAt = endOf(operation);
  }

  /** The wait that a former process left; false: there is none, or its time has come. */
  resumeWait(): boolean {
    const { again_at, waiting_for } = this.operation;
    const left = again_at === null ? 0 : Date.parse(again_at) - Date.now();
    if (left <= 0) return false;
    this.timedWait = { wait: waiting_for ?? '', at: now() + left };
    return true;
  }

  /** True while waiting for a machine to boot its ramdisk. */
  get awaitsBoot(): boolean {
    return this.wait !== undefined && this.announcedStep?.awaitsBoot === true;
  }
}

export function hasEnded(operation: Pick<Operation, 'state'>): boolean {
  return operation.state === 'done' || operation.state === 'failed';
}

type EndListener = (operation: RunningOperation) => void;

export class LiveOperations {
  readonly #byId = new Map<string, LiveOperation>();
  readonly #byNode = new Map<string, LiveOperation>();
  readonly #endListeners = new Map<string, Set<EndListener>>();

  add(operation: RunningOperation): LiveOperation {
    const live = new LiveOperation(operation);
    this.#byId.set(operation.id, live);
    this.#byNode.set(operation.node_uuid, live);
    return live;
  }

  get(id: string): LiveOperation | undefined {
    return this.#byId.get(id);
  }

  /** During a handover: the operation that takes over the node. */
  ofNode(nodeUuid: string): LiveOperation | undefined {
    return this.#byNode.get(nodeUuid);
  }

  values(): IterableIterator<LiveOperation> {
    return this.#byId.values();
  }

  remove(live: LiveOperation): void {
    const { operation } = live;
    this.#byId.delete(operation.id);
    if (this.#byNode.get(operation.node_uuid) === live) this.#byNode.delete(operation.node_uuid);
    for (const listener of this.#endListeners.get(operation.id) ?? []) listener(operation);
    this.#endListeners.delete(operation.id);
  }

  /** Calls `listener` with the row when the operation ends in memory; returns an unsubscribe function. */
  onEnd(id: string, listener: EndListener): () => void {
    const listeners = this.#endListeners.get(id) ?? new Set();
    this.#endListeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#endListeners.delete(id);
    };
  }
}
