/**
 * Runs operations: takes the current step, runs it, and alone writes what came of it. Everything a restart needs is in
 * the operation's row; what is only in memory here (timers, abort signals) is rebuilt from the row by `resume`.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { asFault, Fault } from '#domain/faults.ts';
import { nextState } from '#domain/provision-states.ts';
import type { JsonObject, NewEvent, Operation } from '#domain/records.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { explainSilence } from './diagnosis.ts';
import { hasEnded, type LiveOperation, LiveOperations } from './live-operations.ts';
import type { NewOperation, OperationKinds, StepHook, TaskFactory } from './operation-kinds.ts';

export type WorkerParts = {
  store: Store;
  kinds: OperationKinds;
  taskFor: TaskFactory;
  log: Logger;
  /** Called around each step: tests stop the process there. */
  onStep?: StepHook;
  silenceTimeoutMs: number;
};

export class Worker {
  readonly #parts: WorkerParts;
  readonly live = new LiveOperations();
  #stopping = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** Writes the row and takes the node, inside the caller's transaction. Throws `nodeBusy` when somebody else has it. */
  async begin(inside: Store, request: NewOperation, handedOverBy: string | null = null): Promise<Operation> {
    const now = new Date().toISOString();
    const operation: Operation = {
      ...request,
      id: randomUUID(),
      context: {},
      state: 'running',
      step: '',
      step_started_at: now,
      waiting_for: null,
      deadline_at: null,
      fault: null,
      created_at: now,
      updated_at: now,
      ended_at: null,
    };
    const first = this.#stepsOf(operation)[0];
    if (!first) throw new Fault('internal', { detail: `operation ${request.kind} has no steps` });
    operation.step = first.name;
    operation.deadline_at = deadlineOf(first);
    const taken = await inside.nodes.update(
      { uuid: request.node_uuid, operation_id: handedOverBy },
      { operation_id: operation.id },
    );
    if (taken !== 1) await refuseBusyNode(inside, request.node_uuid);
    return inside.operations.insert(operation);
  }

  /** Starts to run an operation whose row is committed. */
  launch(operation: Operation): void {
    if (this.#stopping) return;
    const live = this.live.add(operation);
    this.#record(live, {
      kind: 'operation',
      subject: operation.kind,
      message: `${operation.purpose}: started`,
      data: { status: 'started' },
    });
    void this.#drive(live);
  }

  /** Takes up what was running when the process ended. */
  async resume(): Promise<void> {
    for (const operation of await this.#parts.store.operations.list(
      { state: ['running', 'undoing'] },
      { orderBy: 'created_at' },
    )) {
      const live = this.live.add(operation);
      this.#record(live, {
        kind: 'operation',
        subject: operation.kind,
        message: `${operation.purpose}: taken up again at step "${operation.step}"`,
        data: { status: 'resumed' },
      });
      void this.#drive(live);
    }
  }

  /** Something was heard of the machine: the waiting step looks again. */
  wake(operationId: string): void {
    const live = this.live.get(operationId);
    if (live) void this.#drive(live);
  }

  /** Ends the operation by failing its current step; its traces are removed. No effect on one that is ending already. */
  cancel(operationId: string, fault: Fault): void {
    const live = this.live.get(operationId);
    if (live?.operation.state !== 'running') return;
    live.cancelled = fault;
    live.controller.abort(fault);
    void this.#drive(live);
  }

  /** Adds to the durable context of a running operation. */
  async remember(live: LiveOperation, context: JsonObject): Promise<void> {
    await this.#write(live, { context: { ...live.operation.context, ...context } });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const running = [...this.live.values()];
    for (const live of running) {
      clearTimeout(live.timer);
      live.controller.abort(new Error('Ingot is stopping'));
    }
    await Promise.allSettled(running.map((live) => live.driving));
  }

  /** One driver at a time per operation; a wake during a run makes it run once more. */
  #drive(live: LiveOperation): Promise<void> {
    live.again = true;
    live.driving ??= this.#driveToRest(live).finally(() => {
      live.driving = undefined;
      // A wake may have come between the last look and this line.
      if (live.again && !this.#stopping && !hasEnded(live.operation)) void this.#drive(live);
    });
    return live.driving;
  }

  async #driveToRest(live: LiveOperation): Promise<void> {
    clearTimeout(live.timer);
    try {
      while (live.again && !this.#stopping) {
        live.again = false;
        while (!this.#stopping && !hasEnded(live.operation) && (await this.#runStep(live)) === 'next');
      }
    } catch (error) {
      // The database refused: nothing can be written down, so nothing may go on. The row is taken up at the next start.
      this.#parts.log.fatal({ err: error, operation: live.operation.id }, 'an operation cannot be written down and stands still');
      return;
    }
    if (hasEnded(live.operation)) this.live.remove(live);
    else if (!this.#stopping) this.#setTimer(live);
  }

  async #runStep(live: LiveOperation): Promise<'next' | 'rest'> {
    const { operation } = live;
    const steps = this.#stepsOf(operation);
    const step = steps.find((candidate) => candidate.name === operation.step);
    if (!step) return this.#fail(live, new Fault('internal', { detail: `no step "${operation.step}" in ${operation.kind}` }));
    if (live.announcedStep?.name !== step.name) await this.#announce(live, step);
    let outcome: Outcome;
    try {
      this.#parts.onStep?.('before', operation, step.name);
      outcome = await this.#runWithinDeadline(live, step);
      this.#parts.onStep?.('after', operation, step.name);
    } catch (error) {
      if (this.#stopping) return 'rest';
      return this.#fail(live, live.cancelled ?? asFault(error), step);
    }
    return 'next' in outcome ? this.#advance(live, step, outcome.context) : this.#rest(live, outcome);
  }

  async #runWithinDeadline(live: LiveOperation, step: Step): Promise<Outcome> {
    if (live.cancelled && live.operation.state === 'running') throw live.cancelled;
    const left = Date.parse(live.operation.deadline_at ?? '') - Date.now();
    if (left <= 0) throw await this.#timeoutFault(live, step);
    const overtime = new AbortController();
    const signal = AbortSignal.any([live.controller.signal, overtime.signal]);
    const timer = setTimeout(() => overtime.abort(), left);
    try {
      const task = await this.#parts.taskFor(live, step, signal);
      return await Promise.race([step.run(task), rejectOnAbort(signal)]);
    } catch (error) {
      if (overtime.signal.aborted) throw await this.#timeoutFault(live, step);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #timeoutFault(live: LiveOperation, step: Step): Promise<Fault> {
    const { seen, cause } = await explainSilence(this.#parts.store, live.operation);
    const waited = live.operation.waiting_for ? `waited for ${live.operation.waiting_for}` : 'it did not come to an end';
    return new Fault('stepTimeout', { step: step.title, seconds: step.deadlineSeconds, waited, seen, cause });
  }

  async #announce(live: LiveOperation, step: Step): Promise<void> {
    live.announcedStep = step;
    await this.#moveNode(live, 'resume');
    this.#recordStep(live, step, 'started', 'started');
  }

  async #rest(live: LiveOperation, outcome: { wait: string; context?: JsonObject }): Promise<'rest'> {
    const { operation } = live;
    if (operation.waiting_for !== outcome.wait || outcome.context) {
      await this.#write(live, { waiting_for: outcome.wait, context: { ...operation.context, ...outcome.context } });
      await this.#moveNode(live, 'wait');
      if (live.announcedStep) this.#recordStep(live, live.announcedStep, 'waiting', `waits for ${outcome.wait}`);
    }
    return 'rest';
  }

  async #advance(live: LiveOperation, step: Step, context?: JsonObject): Promise<'next' | 'rest'> {
    const steps = this.#stepsOf(live.operation);
    this.#recordStep(live, step, 'ended', 'ended');
    // The record comes before the row: after a crash a step may stand in it twice, but never not at all.
    await this.#parts.store.events.flush();
    const next = stepAfter(steps, step);
    if (context) live.operation.context = { ...live.operation.context, ...context };
    if (!next) return this.#end(live, live.operation.state === 'undoing' ? 'failed' : 'done');
    await this.#enter(live, next, {});
    return 'next';
  }

  async #enter(live: LiveOperation, step: Step, patch: Partial<Operation>): Promise<void> {
    const now = new Date().toISOString();
    const { context } = live.operation;
    await this.#write(live, {
      ...patch,
      context,
      step: step.name,
      step_started_at: now,
      deadline_at: deadlineOf(step),
      waiting_for: null,
    });
  }

  /** The first failure turns the operation round; a failure while undoing is noted, and the undoing goes on. */
  async #fail(live: LiveOperation, fault: Fault, step?: Step): Promise<'next' | 'rest'> {
    const { operation } = live;
    if (step) this.#recordStep(live, step, 'failed', `failed: ${fault.message}`);
    if (fault.code === 'internal')
      this.#parts.log.error(
        { err: fault.detail ?? fault, operation: operation.id, step: operation.step },
        'a step met an unexpected error',
      );
    if (operation.state === 'undoing') {
      const steps = this.#stepsOf(operation);
      const next = step && stepAfter(steps, step);
      operation.context = {
        ...operation.context,
        undo_faults: [...((operation.context['undo_faults'] as string[]) ?? []), fault.message],
      };
      if (!next) return this.#end(live, 'failed');
      await this.#enter(live, next, {});
      return 'next';
    }
    // A cancelled operation still has to clean up, under a signal of its own.
    live.controller = new AbortController();
    const patch = { state: 'undoing', fault: fault.toRecord(step?.title) } as const;
    const first = this.#stepsOf({ ...operation, state: 'undoing' })[0];
    if (!first) {
      await this.#write(live, patch);
      return this.#end(live, 'failed');
    }
    await this.#enter(live, first, patch);
    return 'next';
  }

  async #end(live: LiveOperation, state: 'done' | 'failed'): Promise<'rest'> {
    const { store, kinds, log } = this.#parts;
    const now = new Date().toISOString();
    const ended: Operation = { ...live.operation, state, waiting_for: null, deadline_at: null, ended_at: now, updated_at: now };
    const followers = await store.transaction(async (inside) => {
      const { id, ...row } = ended;
      await inside.operations.update({ id }, row);
      const followers = await kinds[ended.kind].ended(inside, ended);
      await inside.nodes.update({ operation_id: id }, { operation_id: null });
      return followers;
    });
    live.operation = ended;
    const message = state === 'done' ? 'done' : `failed: ${ended.fault?.message}`;
    this.#record(live, {
      kind: 'operation',
      subject: ended.kind,
      message: `${ended.purpose}: ${message}`,
      duration_ms: Date.parse(now) - Date.parse(ended.created_at),
      data: { status: state, ...(ended.fault && { fault: ended.fault as unknown as JsonObject }) },
    });
    log.info(
      { operation: ended.id, kind: ended.kind, node: ended.node_uuid, state, fault: ended.fault?.message },
      'operation ended',
    );
    for (const follower of followers) this.launch(follower);
    return 'rest';
  }

  async #write(live: LiveOperation, patch: Partial<Operation>): Promise<void> {
    // Memory first: what arrives between here and the commit builds on it.
    Object.assign(live.operation, patch, { updated_at: new Date().toISOString() });
    await this.#parts.store.operations.update({ id: live.operation.id }, { ...patch, updated_at: live.operation.updated_at });
  }

  /** Moves the node's provision state by an engine event where the table has such a move. */
  async #moveNode(live: LiveOperation, event: 'wait' | 'resume'): Promise<void> {
    if (live.operation.state === 'undoing') return;
    const node = await this.#parts.store.nodes.find({ uuid: live.operation.node_uuid });
    const state = node && nextState(node.provision_state, event);
    if (state)
      await this.#parts.store.nodes.update(
        { uuid: node.uuid },
        { provision_state: state, provision_updated_at: new Date().toISOString() },
      );
  }

  #setTimer(live: LiveOperation): void {
    const { deadline_at, context } = live.operation;
    const deadline = Date.parse(deadline_at ?? '');
    const silent = 'command' in context ? live.lastHeard + this.#parts.silenceTimeoutMs : Number.POSITIVE_INFINITY;
    const at = silent > Date.now() ? Math.min(deadline, silent) : deadline;
    live.timer = setTimeout(() => void this.#drive(live), Math.max(at - Date.now(), 0) + 1);
  }

  #stepsOf(operation: Operation): readonly Step[] {
    const kind = this.#parts.kinds[operation.kind];
    return operation.state === 'undoing' ? kind.undo(operation) : kind.steps(operation);
  }

  #recordStep(live: LiveOperation, step: Step, status: string, message: string): void {
    const { operation } = live;
    const duration = status === 'started' || status === 'waiting' ? null : Date.now() - Date.parse(operation.step_started_at);
    const data: JsonObject = { status, title: step.title, phase: step.phase ?? null, undoing: operation.state === 'undoing' };
    this.#record(live, { kind: 'step', subject: step.name, message: `${step.title}: ${message}`, duration_ms: duration, data });
  }

  #record(live: LiveOperation, event: NewEvent): void {
    const { id, node_uuid, server_id } = live.operation;
    this.#parts.store.events.append({ ...event, operation_id: id, node_uuid, server_id });
  }
}

/** By name: a list may be made anew for each look. */
function stepAfter(steps: readonly Step[], step: Step): Step | undefined {
  return steps[steps.findIndex((candidate) => candidate.name === step.name) + 1];
}

function deadlineOf(step: Step): string {
  return new Date(Date.now() + step.deadlineSeconds * 1000).toISOString();
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

async function refuseBusyNode(inside: Store, uuid: string): Promise<never> {
  const node = await inside.nodes.find({ uuid });
  if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
  const holder = node.operation_id && (await inside.operations.find({ id: node.operation_id }));
  throw new Fault('nodeBusy', {
    node: node.name ?? uuid,
    purpose: holder ? holder.purpose : 'another request',
    operation: node.operation_id ?? 'just ended',
  });
}
