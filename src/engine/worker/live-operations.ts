/** The running operations, and what this process knows of each beside its row. Each part has its own owner. */
import { SerialQueue } from '#async/serial-queue.ts';
import type { Fault } from '#domain/faults.ts';
import type { Operation } from '#store/tables/operations.ts';
import { AgentTraffic } from '../messages/agent-traffic.ts';
import { BootProgress } from '../messages/boot-progress.ts';
import type { RunningOperation } from './base-context.ts';
import { CurrentStep } from './current-step.ts';
import { RunLoop } from './run-loop.ts';

export class LiveOperation {
  #row: RunningOperation;
  readonly #writes = new SerialQueue();
  readonly refusal: Fault | undefined;
  /** For the worker. */
  readonly loop = new RunLoop();
  readonly step: CurrentStep;
  /** For the messages of its machine. */
  readonly agent = new AgentTraffic();
  readonly boot = new BootProgress();

  /** @param refusal why this version cannot continue the operation, so that it fails; undefined: it can */
  constructor(row: RunningOperation, refusal?: Fault) {
    this.#row = row;
    this.refusal = refusal;
    this.step = new CurrentStep(row);
  }

  /** Current content of the row. */
  get operation(): RunningOperation {
    return this.#row;
  }

  /** Writes the row, then the memory. Writes are serialized, and each sees the result of the previous one. */
  write<R>(work: (row: RunningOperation) => Promise<{ row: Partial<RunningOperation>; result: R }>): Promise<R> {
    return this.#writes.run(async () => {
      const { row, result } = await work(this.#row);
      // A task reads the row while it runs: it stays the same object.
      Object.assign(this.#row, row);
      return result;
    });
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

  add(operation: RunningOperation, refusal?: Fault): LiveOperation {
    const live = new LiveOperation(operation, refusal);
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
