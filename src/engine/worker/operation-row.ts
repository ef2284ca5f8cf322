/**
 * The durable state of a running operation. Each change is written to the row before memory, so an unwritten change has
 * no effect. Changes of one operation are queued, and each sees the result of the previous one.
 */
import type { Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { RunningOperation } from './base-context.ts';
import type { BoundOperations } from './bound-operations.ts';
import type { BeginOperation } from './define-operation.ts';
import { defectOf, endWithoutDefinition } from './end-without-definition.ts';
import { hasEnded, type LiveOperation } from './live-operations.ts';
import { deadlineOf } from './step-deadlines.ts';

/** A shorter wait is not kept for a restart. */
const keptSeconds = 5;

export type RowChange = (before: RunningOperation) => Partial<RunningOperation>;

/** What a step has found. The context is encrypted anew whenever it is written. */
export function adding(found: object = {}): RowChange {
  return ({ context }) => (Object.keys(found).length > 0 ? { context: { ...context, ...found } } : {});
}

export class OperationRows {
  readonly #store: Store;
  readonly #operations: BoundOperations;
  readonly #begin: BeginOperation;

  constructor(store: Store, operations: BoundOperations, begin: BeginOperation) {
    this.#store = store;
    this.#operations = operations;
    this.#begin = begin;
  }

  /** If `change` throws or the write fails, nothing changes. No effect on a row that has ended. */
  write(live: LiveOperation, change: RowChange): Promise<void> {
    return live.write(async (before) => {
      if (hasEnded(before)) return { row: {}, result: undefined };
      const row = { ...change(before), updated_at: new Date().toISOString() };
      await this.#store.operations.update({ id: before.id }, row);
      return { row, result: undefined };
    });
  }

  async enter(live: LiveOperation, step: Step, change: RowChange): Promise<void> {
    await this.write(live, (before) => {
      const changed = change(before);
      return {
        ...changed,
        step: step.name,
        // A rollback keeps the one that failed.
        ...((changed.state ?? before.state) === 'running' && { api_step: step.api ?? null }),
        step_started_at: new Date().toISOString(),
        deadline_at: deadlineOf(step),
        waiting_for: null,
        again_at: null,
      };
    });
    live.step.enter(live.operation);
  }

  /**
   * The step runs again in `seconds`. The row is not written for each poll: after a restart a step whose time is not
   * known runs at once.
   */
  async waitUntil(
    live: LiveOperation,
    { wait, seconds, context }: { wait: string; seconds: number; context?: object | undefined },
  ): Promise<void> {
    const isNews = live.step.pollWait !== wait || context !== undefined;
    live.step.restFor(wait, seconds);
    if (!isNews && seconds < keptSeconds) return;
    await this.write(live, (before) => ({
      waiting_for: seconds < 1 ? wait : `${wait}, again in ${Math.ceil(seconds)} s`,
      again_at: seconds < keptSeconds ? null : new Date(Date.now() + seconds * 1000).toISOString(),
      ...adding(context)(before),
    }));
  }

  /** Gives this wait its own deadline, regardless of the step's timeout; without one, the step gets that again. */
  async prolong(live: LiveOperation, wait: { wait: string; seconds: number } | undefined, step: Step): Promise<void> {
    await this.write(live, () => ({ deadline_at: deadlineOf(wait ? { deadlineSeconds: wait.seconds } : step) }));
    live.step.prolong(wait, live.operation);
  }

  /**
   * Row, server and node in one transaction. If the definition throws, the operation fails without it.
   * @returns the operations that take over the node, what the definition has thrown, and in which state a failure found
   * the node
   */
  async end(
    live: LiveOperation,
    state: 'done' | 'failed',
    change: RowChange,
  ): Promise<{ followers: Operation[]; defect?: Fault; found?: FoundState | undefined }> {
    try {
      const ended: RowChange = (before) => ({ ...change(before), state });
      return await this.#end(live, ended, async (trx, row) => {
        const found = state === 'failed' ? await foundState(trx, row) : undefined;
        return { followers: await this.#operations.ended(trx, row, this.#begin), found };
      });
    } catch (error) {
      if (this.#store.hasFailed(error)) throw error;
      const defect = defectOf(error);
      const failed: RowChange = ({ step }) => ({ state: 'failed', fault: defect.toRecord(step) });
      return await this.#end(live, failed, async (trx, row) => {
        const found = await foundState(trx, row);
        await endWithoutDefinition(trx, this.#operations.states, row);
        return { followers: [], defect, found };
      });
    }
  }

  #end<R>(live: LiveOperation, change: RowChange, finish: (trx: Store, ended: RunningOperation) => Promise<R>): Promise<R> {
    return live.write(async (before) => {
      const at = new Date().toISOString();
      const ends = { waiting_for: null, again_at: null, deadline_at: null, ended_at: at, updated_at: at };
      const changed = { ...change(before), ...ends };
      const ended: RunningOperation = { ...before, ...changed };
      const { id, ...whole } = ended;
      // What this version cannot read is replaced, so that the ended operation can be read.
      const row = live.refusal ? whole : changed;
      const result = await this.#store.transaction(async (trx) => {
        await trx.operations.update({ id }, row);
        const finished = await finish(trx, ended);
        await trx.nodes.update({ uuid: ended.node_uuid, operation_id: id }, { operation_id: null });
        return finished;
      });
      return { row: ended, result };
    });
  }

  /** Downtime of Ingot does not count; as its length is unknown, the step gets its full timeout again. */
  async renewDeadline(operation: RunningOperation, findStep: () => Step | undefined): Promise<void> {
    const deadline = attempt(() => {
      const step = findStep();
      return step && deadlineOf(step);
    });
    // Without a step, the operation fails with the reason at its next run.
    if (!deadline) return;
    operation.deadline_at = deadline;
    await this.#store.operations.update({ id: operation.id }, { deadline_at: operation.deadline_at });
  }

  /** Applies an engine event to the node's provision state, if the table has such a transition. */
  async processEvent({ operation }: LiveOperation, event: 'wait' | 'resume' | 'hold' | 'unhold'): Promise<void> {
    if (operation.state === 'rolling_back') return;
    const [node] = await this.#store.nodes.pick(['uuid', 'provision_state'], { uuid: operation.node_uuid });
    const state = node && this.#operations.states.next(node.provision_state, event);
    if (!state) return;
    const provision_updated_at = new Date().toISOString();
    await this.#store.nodes.update({ uuid: node.uuid }, { provision_state: state, provision_updated_at });
  }
}

function attempt<R>(find: () => R | undefined): R | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/** As an entry of Ironic's history has it. */
export type FoundState = { state: string; target_provision_state: string | null; duration_seconds: number | null };

async function foundState({ nodes }: Store, { node_uuid }: RunningOperation): Promise<FoundState | undefined> {
  const columns = ['provision_state', 'target_provision_state', 'provision_updated_at'] as const;
  const [node] = await nodes.pick(columns, { uuid: node_uuid });
  if (!node) return undefined;
  const { provision_state: state, target_provision_state, provision_updated_at: since } = node;
  const duration_seconds = since === null ? null : Math.max(Math.floor((Date.now() - Date.parse(since)) / 1000), 0);
  return { state, target_provision_state, duration_seconds };
}
