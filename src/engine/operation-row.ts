/**
 * The durable side of a running operation: each change goes into the row first and into memory after, so what could
 * not be written down has not happened. Changes of one operation queue, and each sees what the one before wrote.
 */
import { nextState } from '#domain/provision-states.ts';
import type { Operation } from '#domain/records.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { hasEnded, type LiveOperation } from './live-operations.ts';
import type { OperationKinds } from './operation-kinds.ts';
import { deadlineOf, endOf } from './step-deadlines.ts';

export type RowChange = (before: Operation) => Partial<Operation>;

export class OperationRows {
  readonly #store: Store;
  readonly #kinds: OperationKinds;

  constructor(store: Store, kinds: OperationKinds) {
    this.#store = store;
    this.#kinds = kinds;
  }

  /** What `change` throws, and a write that fails, change nothing. No effect on a row that has ended. */
  write(live: LiveOperation, change: RowChange): Promise<void> {
    return inOrder(live, async () => {
      if (hasEnded(live.operation)) return;
      const patch = { ...change(live.operation), updated_at: new Date().toISOString() };
      await this.#store.operations.update({ id: live.operation.id }, patch);
      Object.assign(live.operation, patch);
    });
  }

  async enter(live: LiveOperation, step: Step, change: RowChange): Promise<void> {
    await this.write(live, (before) => ({
      ...change(before),
      step: step.name,
      step_started_at: new Date().toISOString(),
      deadline_at: deadlineOf(step),
      waiting_for: null,
    }));
    live.endsAt = endOf(live.operation);
    live.longWait = undefined;
    live.wait = undefined;
  }

  /** This wait lasts as long as people need, whatever the step's own time is. */
  async prolong(live: LiveOperation, wait: { wait: string; seconds: number }): Promise<void> {
    await this.write(live, () => ({ deadline_at: deadlineOf({ deadlineSeconds: wait.seconds }) }));
    live.endsAt = endOf(live.operation);
    live.longWait = wait;
  }

  /** Row, server and node in one transaction. @returns the operations that take the node over */
  end(live: LiveOperation, state: 'done' | 'failed', change: RowChange): Promise<Operation[]> {
    return inOrder(live, async () => {
      const at = new Date().toISOString();
      const ends = { state, waiting_for: null, deadline_at: null, ended_at: at, updated_at: at };
      const ended: Operation = { ...live.operation, ...change(live.operation), ...ends };
      const followers = await this.#store.transaction(async (trx) => {
        const { id, ...row } = ended;
        await trx.operations.update({ id }, row);
        const followers = await this.#kinds[ended.kind].ended(trx, ended);
        await trx.nodes.update({ uuid: ended.node_uuid, operation_id: id }, { operation_id: null });
        return followers;
      });
      live.operation = ended;
      return followers;
    });
  }

  /** Time in which nobody worked does not count; as nobody knows how much that was, the step gets its whole time again. */
  async renewDeadline(operation: Operation, findStep: () => Step | undefined): Promise<void> {
    const step = attempt(findStep);
    // Without a step the operation will fail as soon as it is driven, and says why.
    if (!step) return;
    operation.deadline_at = deadlineOf(step);
    await this.#store.operations.update({ id: operation.id }, { deadline_at: operation.deadline_at });
  }

  /** Moves the node's provision state by an engine event where the table has such a move. */
  async processEvent({ operation }: LiveOperation, event: 'wait' | 'resume'): Promise<void> {
    if (operation.state === 'rolling_back') return;
    const node = await this.#store.nodes.find({ uuid: operation.node_uuid });
    const state = node && nextState(node.provision_state, event);
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

function inOrder<R>(live: LiveOperation, write: () => Promise<R>): Promise<R> {
  const turn = live.writing.then(write);
  live.writing = turn.catch(() => {});
  return turn;
}
