/** The definitions as the worker uses them: bound to the engine's parts, by the kind in the operation's row. */
import { type TObject, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { type LockKind, lockKinds } from '#domain/lock-kinds.ts';
import type { Step, Task } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { BaseContext, BaseRequest, fits, type RunningOperation } from './base-context.ts';
import type { BeginOperation, Definition, OperationParts } from './define-operation.ts';
import { endWithoutDefinition } from './end-without-definition.ts';
import type { LiveOperation } from './live-operations.ts';
import { withBmcTime } from './step-deadlines.ts';

/** What a task writes to its operation's row, by the worker. */
export type RowWriter = {
  saveContext(live: LiveOperation, change: (context: BaseContext) => BaseContext): Promise<void>;
  /** Publishes what a working step waits for. */
  reportWait(live: LiveOperation, wait: string): void;
};
export type TaskFactory = (live: LiveOperation, signal: AbortSignal) => Promise<Task>;
/** `polling`: the step has run, and will run again after a time. */
export type StepHook = (when: 'before' | 'after' | 'polling', operation: RunningOperation, step: string) => void;

export class BoundOperations {
  readonly #definitions: Readonly<Record<string, Definition>>;
  readonly #parts: OperationParts;
  /** The steps forward, which depend on the request only. */
  readonly #forward = new WeakMap<RunningOperation, readonly Step[]>();

  constructor(definitions: Readonly<Record<string, Definition>>, parts: OperationParts) {
    this.#definitions = definitions;
    this.#parts = parts;
  }

  get states(): OperationParts['states'] {
    return this.#parts.states;
  }

  /** The steps of its direction: forward, or rolling back. */
  steps(operation: RunningOperation): readonly Step[] {
    if (operation.state === 'rolling_back') return this.#finished(this.#undo(operation));
    const known = this.#forward.get(operation);
    if (known) return known;
    const steps = this.#finished(this.#find(operation.kind).steps(operation, this.#parts));
    this.#forward.set(operation, steps);
    return steps;
  }

  /** Called in the transaction that ends the operation. @returns the operations that take over the node */
  async ended(trx: Store, operation: RunningOperation, begin: BeginOperation): Promise<Operation[]> {
    const definition = this.#known(operation.kind);
    if (definition) return definition.ended(trx, operation, { ...this.#parts, begin });
    await endWithoutDefinition(trx, this.states, operation);
    return [];
  }

  /**
   * A row as read from the database. A request that does not fit the definition is reported by `refusalOf`; of a
   * context only what is understood remains, and it is marked as incomplete.
   */
  read(row: Operation): RunningOperation {
    const request = fits(BaseRequest, row.request) ? row.request : {};
    return { ...row, request, context: this.#readContext(row, request) };
  }

  /** Fault `internal` if another version of Ingot began the operation in a way that this one does not know. */
  refusalOf({ id, kind, request }: Operation): Fault | undefined {
    const definition = this.#known(kind);
    if (!definition) return unknownKind(kind);
    if (fits(BaseRequest, request) && fits(definition.request, request)) return undefined;
    return new Fault('internal', { detail: `the request of ${kind} operation ${id} is not understood` });
  }

  /** The kinds of locks that forbid an operation to start. */
  forbiddenBy(kind: string): readonly LockKind[] {
    return this.#known(kind)?.forbiddenBy ?? lockKinds;
  }

  #finished(steps: readonly Step[]): readonly Step[] {
    return withBmcTime(withDistinctNames(steps), this.#parts.settings);
  }

  #readContext(row: Operation, request: RunningOperation['request']): BaseContext {
    const schemas = this.#contextsOf({ ...row, request, context: {} });
    const isUnderstood = schemas.every((schema) => fits(schema, row.context));
    if (isUnderstood && fits(BaseContext, row.context)) return row.context;
    const kept = Object.entries(row.context ?? {}).filter(([name, value]) =>
      [BaseContext, ...schemas].every((schema) => fits(schema, { [name]: value })),
    );
    return { ...Object.fromEntries(kept), is_incomplete: true };
  }

  #contextsOf(operation: RunningOperation): TObject[] {
    const definition = this.#known(operation.kind);
    if (!definition) return [];
    try {
      const ofDriver = definition.driverContext?.(operation, this.#parts);
      return [definition.context, ...(ofDriver ? [ofDriver] : [])].map(partialOf);
    } catch {
      // Its driver is unknown: the operation fails with that at its next step.
      return [partialOf(definition.context)];
    }
  }

  /** Of an unknown kind, nothing is known that could be rolled back. */
  #undo(operation: RunningOperation): readonly Step[] {
    return this.#known(operation.kind)?.undo?.(operation, this.#parts) ?? [];
  }

  #known(kind: string): Definition | undefined {
    return Object.hasOwn(this.#definitions, kind) ? this.#definitions[kind] : undefined;
  }

  #find(kind: string): Definition {
    const found = this.#known(kind);
    if (!found) throw unknownKind(kind);
    return found;
  }
}

const partials = new WeakMap<TObject, TObject>();

/** The same one for the same schema, as `fits` compiles each. */
function partialOf(schema: TObject): TObject {
  const partial = partials.get(schema) ?? Type.Partial(schema);
  partials.set(schema, partial);
  return partial;
}

function unknownKind(kind: string): Fault {
  return new Fault('internal', { detail: `there is no operation of kind ${kind}` });
}

/** A row names its current step, so the second step of a name gets a number: `power off #2`. */
function withDistinctNames(steps: readonly Step[]): readonly Step[] {
  const seen = new Map<string, number>();
  return steps.map((step) => {
    const count = (seen.get(step.name) ?? 0) + 1;
    seen.set(step.name, count);
    return count === 1 ? step : { ...step, name: `${step.name} #${count}` };
  });
}
