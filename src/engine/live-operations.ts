/** The operations that run now, with what only memory holds: timers, abort signals, when the agent was heard. */
import { EventEmitter } from 'node:events';
import type { Fault } from '#domain/faults.ts';
import type { Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';

export class LiveOperation {
  operation: Operation;
  controller = new AbortController();
  cancelled: Fault | undefined;
  driving: Promise<void> | undefined;
  again = false;
  timer: NodeJS.Timeout | undefined;
  announcedStep: Step | undefined;
  /** Milliseconds since the epoch. A restart counts as hearing: the agent may just not have found us. */
  lastHeard = Date.now();
  lastProgressEvent = 0;
  /** Emits `ready` when a command for the agent was queued. */
  readonly commandReady = new EventEmitter();

  constructor(operation: Operation) {
    this.operation = operation;
  }
}

export function hasEnded(operation: Operation): boolean {
  return operation.state === 'done' || operation.state === 'failed';
}

export class LiveOperations {
  readonly #byId = new Map<string, LiveOperation>();
  readonly #endListeners = new Map<string, ((operation: Operation) => void)[]>();

  add(operation: Operation): LiveOperation {
    const live = new LiveOperation(operation);
    this.#byId.set(operation.id, live);
    return live;
  }

  get(id: string): LiveOperation | undefined {
    return this.#byId.get(id);
  }

  ofNode(nodeUuid: string): LiveOperation | undefined {
    for (const live of this.#byId.values()) if (live.operation.node_uuid === nodeUuid) return live;
    return undefined;
  }

  values(): IterableIterator<LiveOperation> {
    return this.#byId.values();
  }

  remove(live: LiveOperation): void {
    const { operation } = live;
    this.#byId.delete(operation.id);
    for (const listener of this.#endListeners.get(operation.id) ?? []) listener(operation);
    this.#endListeners.delete(operation.id);
  }

  /** Resolves with the row when the operation leaves memory; at once is the caller's to check in the store. */
  ended(id: string): Promise<Operation> {
    return new Promise((resolve) => {
      this.#endListeners.set(id, [...(this.#endListeners.get(id) ?? []), resolve]);
    });
  }
}
