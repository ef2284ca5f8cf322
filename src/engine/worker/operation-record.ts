/** The events of an operation and its steps. */
import type { JsonObject } from '#domain/json.ts';
import type { Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { NewEvent } from '#store/tables/events.ts';
import type { Operation as Row } from '#store/tables/operations.ts';
import type { FoundState } from './operation-row.ts';

type Operation = Omit<Row, 'request' | 'context'>;
type StepStatus = 'started' | 'waiting' | 'ended' | 'failed';

export class OperationRecord {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  began(operation: Operation): void {
    this.#operation(operation, { message: 'started', data: { status: 'started' } });
  }

  resumed(operation: Operation): void {
    this.#operation(operation, { message: `resumed at step "${operation.step}"`, data: { status: 'resumed' } });
  }

  /** @param found the state in which a failure found the node */
  ended(operation: Operation, found?: FoundState): void {
    const { state, fault, created_at, ended_at } = operation;
    this.#operation(operation, {
      message: state === 'done' ? 'done' : `failed: ${fault?.message}`,
      duration_ms: Date.parse(ended_at ?? '') - Date.parse(created_at),
      data: { status: state, ...found, ...(fault && { fault: fault as unknown as JsonObject }) },
    });
  }

  step(operation: Operation, step: Step, status: StepStatus, message: string = status): void {
    const isOver = status === 'ended' || status === 'failed';
    this.#append(operation, {
      kind: 'step',
      subject: step.name,
      message: `${step.title}: ${message}`,
      duration_ms: isOver ? Date.now() - Date.parse(operation.step_started_at) : null,
      data: { status, title: step.title, phase: step.phase ?? null, rolling_back: operation.state === 'rolling_back' },
    });
  }

  #operation(operation: Operation, event: Pick<NewEvent, 'message' | 'data' | 'duration_ms'>): void {
    const { kind, purpose } = operation;
    this.#append(operation, { ...event, kind: 'operation', subject: kind, message: `${purpose}: ${event.message}` });
  }

  #append({ id, node_uuid, server_id }: Operation, event: NewEvent): void {
    this.#store.events.append({ ...event, operation_id: id, node_uuid, server_id });
  }
}
