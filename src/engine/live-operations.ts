/** The operations that run now, with what only memory holds: timers, abort signals, when the agent was heard. */
import { EventEmitter } from 'node:events';
import type { Fault } from '#domain/faults.ts';
import type { Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';
import { BootSigns } from './boot-signs.ts';
import { Bucket } from './bucket.ts';
import { endOf, LongTimer, now } from './step-deadlines.ts';

export class LiveOperation {
  /** As the row is. */
  operation: Operation;
  /** The last change of the row that is under way: one after the other, each sees what the one before wrote. */
  writing: Promise<unknown> = Promise.resolve();
  controller = new AbortController();
  cancelled: Fault | undefined;
  driving: Promise<void> | undefined;
  again = false;
  readonly timer = new LongTimer();
  /** When the step must have ended, on the clock of step-deadlines.ts; so is what is below. */
  endsAt: number;
  /** A restart counts as hearing: the agent may just not have found us. */
  lastHeard = now();
  /** Of the command that runs: since when, when it was last recorded, whether its end was, and what was last said. */
  progress: { command: string; since: number; last: number; isEnded: boolean; message?: string } | undefined;
  /** Messages of the agent: some two a second while it works, and a retry or two. */
  readonly requests = new Bucket(300, 300);
  isOverBudget = false;
  /** Times in a row that the row could not be written. */
  unwritten = 0;
  announcedStep: Step | undefined;
  /** What the step that rests waits for, without what is known meanwhile. */
  wait: string | undefined;
  /** Changes of what is known meanwhile, each a write of the row: whoever floods the network makes no more of them. */
  readonly tellings = new Bucket(60, 30);
  /** What the machine has shown since it was last switched on. */
  signs = new BootSigns();
  /** The wait of this step that was given a deadline of its own. */
  longWait: { wait: string; seconds: number } | undefined;
  /** Emits `ready` when a command for the agent was queued. */
  readonly commandReady = new EventEmitter();

  constructor(operation: Operation) {
    this.operation = operation;
    this.endsAt = endOf(operation);
  }

  /** A machine is waited for that boots its ramdisk. */
  get awaitsBoot(): boolean {
    return this.wait !== undefined && this.announcedStep?.awaitsBoot === true;
  }
}

export function hasEnded(operation: Operation): boolean {
  return operation.state === 'done' || operation.state === 'failed';
}

type EndListener = (operation: Operation) => void;

export class LiveOperations {
  readonly #byId = new Map<string, LiveOperation>();
  readonly #byNode = new Map<string, LiveOperation>();
  readonly #endListeners = new Map<string, Set<EndListener>>();

  add(operation: Operation): LiveOperation {
    const live = new LiveOperation(operation);
    this.#byId.set(operation.id, live);
    this.#byNode.set(operation.node_uuid, live);
    return live;
  }

  get(id: string): LiveOperation | undefined {
    return this.#byId.get(id);
  }

  /** Where one hands the node over to the next: the next. */
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

  /** Calls `listener` with the row when the operation leaves memory; returns how to stop that. */
  onEnd(id: string, listener: EndListener): () => void {
    const listeners = this.#endListeners.get(id) ?? new Set();
    this.#endListeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#endListeners.delete(id);
    };
  }
}
