/** What the worker must know about each kind of operation. The table is assembled in engine.ts. */

import type { Step, Task } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation, OperationKind } from '#store/tables/operations.ts';
import type { LiveOperation } from './live-operations.ts';

export type NewOperation = Pick<Operation, 'kind' | 'purpose' | 'node_uuid' | 'server_id' | 'request'>;

export type OperationDefinition = {
  /** The steps. They depend on kind and request only, so that a restart builds the same list. */
  steps(operation: Operation): readonly Step[];
  /**
   * The rollback steps after a failure: best effort, each is tried. The parts of the context they depend on must not
   * change during the rollback.
   */
  undo(operation: Operation): readonly Step[];
  /**
   * Writes the result to node and server, in the transaction that ends the operation.
   * @returns operations begun there that take over the node (delete → clean)
   */
  ended(trx: Store, operation: Operation): Promise<Operation[]>;
};

export type OperationKinds = Readonly<Record<OperationKind, OperationDefinition>>;
export type TaskFactory = (live: LiveOperation, step: Step, signal: AbortSignal) => Promise<Task>;
export type StepHook = (when: 'before' | 'after', operation: Operation, step: string) => void;
