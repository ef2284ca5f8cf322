/**
 * Runs operations: executes the current step and is the only writer of its result. All that a restart needs is in the
 * operation's row; state in memory (timers, abort signals) is rebuilt from it by `resume`.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { asFault, Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { summarize } from '../messages/diagnosis.ts';
import { refuseBusyNode, refuseReserved } from '../nodes/busy-node.ts';
import { refuseLocked } from '../nodes/refuse-locked.ts';
import type { BaseContext, RunningOperation } from './base-context.ts';
import type { BoundOperations, RowWriter, StepHook, TaskFactory } from './bound-operations.ts';
import type { NewOperation } from './define-operation.ts';
import { diskFact } from './disk-state.ts';
import { defectOf } from './end-without-definition.ts';
import { hasEnded, type LiveOperation, LiveOperations } from './live-operations.ts';

import { OperationRecord } from './operation-record.ts';
import { adding, OperationRows, type RowChange } from './operation-row.ts';
import { deadlineOf } from './step-deadlines.ts';
import { type AskPower, runStep } from './step-run.ts';
import { checkTimes } from './step-wait.ts';
import { readUnended, restOf, type UnendedRow, unendedIds } from './unended-rows.ts';

export type WorkerParts = {
  store: Store;
  operations: BoundOperations;
  taskFor: (live: LiveOperation, signal: AbortSignal, rows: RowWriter) => ReturnType<TaskFactory>;
  log: Logger;
  /** Called around each step; tests stop the process there. */
  onStep?: StepHook;
  silenceTimeoutMs: number;
  /** Reads the machine's power state from the BMC; undefined if that is not possible or times out. */
  askPower?: AskPower;
};

type Change<T> = (before: T) => T;
type PollingWait = Extract<Outcome, { wait: string }> & { againIn: number };

export class Worker {
  readonly #parts: WorkerParts;
  readonly #record: OperationRecord;
  readonly live = new LiveOperations();
  readonly #rows: OperationRows;
  readonly #stop = new AbortController();
  readonly #stepParts: Parameters<typeof runStep>[0];

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#record = new OperationRecord(parts.store);
    this.#rows = new OperationRows(parts.store, parts.operations, (...request) => this.begin(...request));
    this.#stepParts = {
      taskFor: (live, signal) => parts.taskFor(live, signal, this),
      hurry: this.#stop.signal,
      ...(parts.askPower && { askPower: parts.askPower }),
    };
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Writes the operation and locks the node in the caller's transaction. Throws `nodeBusy`, `nodeLocked`. */
  async begin(trx: Store, request: NewOperation, handedOverBy: string | null = null): Promise<Operation> {
    const at = new Date().toISOString();
    const operation: Operation = {
      ...request,
      id: randomUUID(),
      context: {},
      state: 'running',
      step: '',
      step_started_at: at,
      api_step: null,
      waiting_for: null,
      again_at: null,
      deadline_at: null,
      fault: null,
      created_at: at,
      updated_at: at,
      ended_at: null,
    };
    const { operations } = this.#parts;
    const refusal = operations.refusalOf(operation);
    if (refusal) throw refusal;
    const first = operations.steps(operations.read(operation))[0];
    if (!first) throw new Fault('internal', { detail: `operation ${request.kind} has no steps` });
    operation.step = first.name;
    operation.api_step = first.api ?? null;
    operation.deadline_at = deadlineOf(first);
    const taken = await trx.nodes.update({ uuid: request.node_uuid, operation_id: handedOverBy }, { operation_id: operation.id });
    if (taken !== 1) await refuseBusyNode(trx, request.node_uuid);
    // An operation that hands the node over has held its lock until now.
    if (handedOverBy === null) {
      await refuseReserved(trx, request.node_uuid);
      await refuseLocked(trx, request.node_uuid, operations.forbiddenBy(request.kind));
    }
    return trx.operations.insert(operation);
  }

  /** Starts an operation whose row is committed. */
  launch(operation: Operation): void {
    if (this.#stopping) return;
    const live = this.live.add(this.#parts.operations.read(operation));
    this.#record.began(operation);
    void this.#drive(live);
  }

  /** Resumes the operations that were running when the process ended. */
  async resume(): Promise<void> {
    const { operations, store } = this.#parts;
    for (const id of await unendedIds(store)) {
      const row = await readUnended({ store, operations }, id);
      if (row) await this.#resumeRow(row);
    }
  }

  async #resumeRow({ operation, refusal, signs }: UnendedRow): Promise<void> {
    await this.#rows.renewDeadline(operation, () => this.#findStep(operation));
    const live = this.live.add(operation, refusal);
    live.boot.begin(signs);
    this.#record.resumed(operation);
    // A step that polls runs again at its time.
    const left = refusal ? 0 : restOf(operation);
    if (left > 0) live.step.restFor(operation.waiting_for ?? '', left / 1000);
    if (left > 0) this.#setTimer(live);
    else void this.#drive(live);
  }

  /** Wakes a waiting step after a sign of life from the machine. */
  wake(operationId: string): void {
    const live = this.live.get(operationId);
    if (live) void this.#drive(live);
  }

  /** Fails the current step and rolls the operation back. No effect on an operation that is already ending. */
  cancel(operationId: string, fault: Fault): void {
    const live = this.live.get(operationId);
    if (live?.operation.state !== 'running') return;
    live.loop.cancel(fault);
    void this.#drive(live);
  }

  /**
   * Cancels the operation; if its step must not be aborted, once that has ended.
   * @returns whether it is an operation that runs
   */
  async abort(operationId: string, fault: Fault): Promise<boolean> {
    const live = this.live.get(operationId);
    if (live?.operation.state !== 'running') return false;
    if (live.operation.api_step?.abortable !== false) this.cancel(operationId, fault);
    else await this.#rows.write(live, ({ context }) => ({ context: { ...context, abort_after: true } }));
    return true;
  }

  /** An operator ends the hold of an operation. @returns whether it was held */
  async unhold(operationId: string): Promise<boolean> {
    const live = this.live.get(operationId);
    if (!live?.step.isHeld || live.operation.state !== 'running') return false;
    const held = live.operation.step;
    await this.#rows.write(live, ({ context }) => ({ context: { ...context, released: held } }));
    await this.#rows.processEvent(live, 'unhold');
    this.wake(operationId);
    return true;
  }

  /** Ends a held operation in favour of another one of its kind, which its definition begins. @returns whether it was held */
  async replace(operationId: string, instead: JsonObject): Promise<boolean> {
    const live = this.live.get(operationId);
    if (!live?.step.isHeld || live.operation.state !== 'running') return false;
    await this.#rows.write(live, ({ context }) => ({ context: { ...context, instead } }));
    this.wake(operationId);
    return true;
  }

  /** Changes the durable context of an operation. If `change` throws or the write fails, nothing changes. */
  async saveContext(live: LiveOperation, change: Change<BaseContext>): Promise<void> {
    await this.#rows.write(live, ({ context }) => ({ context: change(context) }));
  }

  /** Records what the running step waits for; valid for that step only. Not shown if it cannot be written. */
  reportWait(live: LiveOperation, wait: string): void {
    const { step, waiting_for } = live.operation;
    if (waiting_for === wait) return;
    this.#rows.write(live, (now) => (now.step === step ? { waiting_for: wait } : {})).catch(() => {});
  }

  /** Publishes new details of the wait, so that they are visible in the node at once. */
  reportKnown(live: LiveOperation): void {
    if (!live.step.awaitsBoot) return;
    const wait = describeWait(live);
    if (wait !== live.operation.waiting_for && live.boot.mayPublish()) this.reportWait(live, wait);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('Ingot is stopping'));
    const running = [...this.live.values()];
    for (const live of running) live.loop.abort(this.#stop.signal.reason);
    await Promise.allSettled(running.map((live) => live.loop.idle()));
  }

  /** A wake during a run triggers another run. */
  #drive(live: LiveOperation): Promise<void> {
    const mayRun = () => !this.#stopping && !hasEnded(live.operation);
    return live.loop.wake({
      mayRun,
      run: async () => {
        while (mayRun() && (await this.#runStep(live)) === 'next');
      },
      settled: () => {
        if (hasEnded(live.operation)) this.live.remove(live);
        else if (!this.#stopping) this.#setTimer(live);
      },
      // Progress cannot be saved, so the operation must pause. Its row says where to continue.
      failed: (error) => {
        if (!this.#stopping) this.#retryLater(live, error);
      },
    });
  }

  #retryLater(live: LiveOperation, error: unknown): void {
    const ms = live.loop.nextRetryMs();
    const cause = this.#parts.store.hasFailed(error) ? 'is the disk of the state folder full?' : 'this is a defect in Ingot';
    this.#parts.log.error(
      { err: error, operation: live.operation.id, retry_ms: ms },
      `an operation cannot be saved, retrying; ${cause}`,
    );
    live.loop.setTimer(ms, () => void this.#drive(live));
  }

  /** Throws only what the database throws. */
  async #runStep(live: LiveOperation): Promise<'next' | 'rest'> {
    try {
      return await this.#tryStep(live);
    } catch (error) {
      if (this.#stopping || this.#parts.store.hasFailed(error)) throw error;
      return this.#failByDefect(live, error);
    }
  }

  /** The definition has thrown, or what a step returned cannot be written. Without a rollback if that throws as well. */
  async #failByDefect(live: LiveOperation, defect: unknown): Promise<'next' | 'rest'> {
    try {
      return await this.#fail(live, defectOf(defect));
    } catch (error) {
      if (this.#stopping || this.#parts.store.hasFailed(error)) throw error;
      const fault = defectOf(error);
      this.#logDefect(live, fault);
      return this.#end(live, 'failed', ({ context, step }) => ({
        fault: fault.toRecord(step),
        context: { ...context, undo_faults: [...(context.undo_faults ?? []), fault.message] },
      }));
    }
  }

  async #tryStep(live: LiveOperation): Promise<'next' | 'rest'> {
    const { operation } = live;
    let step: Step | undefined;
    let outcome: Outcome;
    try {
      if (live.refusal && operation.state === 'running') throw live.refusal;
      step = this.#findStep(operation);
      if (!step) return await this.#lostStep(live);
      if (!live.step.isAnnounced(step)) await this.#announce(live, step);
    } catch (error) {
      if (error instanceof Fault) return this.#fail(live, error);
      throw error;
    }
    try {
      this.#parts.onStep?.('before', operation, step.name);
      outcome = await runStep(this.#stepParts, live, step);
      checkTimes(outcome);
      this.#parts.onStep?.('againIn' in outcome ? 'polling' : 'after', operation, step.name);
    } catch (error) {
      if (this.#stopping) return 'rest';
      // Not the step has failed: it runs again when its operation can be saved again.
      if (this.#parts.store.hasFailed(error)) throw error;
      const cancelled = live.operation.state === 'running' ? live.loop.cancelledBy : undefined;
      return this.#fail(live, cancelled ?? asFault(error), step);
    }
    return 'next' in outcome ? this.#advance(live, step, outcome.context) : this.#rest(live, step, outcome);
  }

  /** The operation was begun by another version of Ingot: it fails here; a rollback starts over from its first step. */
  async #lostStep(live: LiveOperation): Promise<'next' | 'rest'> {
    const { operation } = live;
    const first = operation.state === 'rolling_back' ? this.#stepsOf(operation)[0] : undefined;
    if (!first) return this.#fail(live, new Fault('internal', { detail: `no step "${operation.step}" in ${operation.kind}` }));
    await this.#rows.enter(live, first, () => ({}));
    return 'next';
  }

  async #announce(live: LiveOperation, step: Step): Promise<void> {
    await this.#rows.processEvent(live, 'resume');
    live.step.announce(step);
    this.#record.step(live.operation, step, 'started');
  }

  async #rest(live: LiveOperation, step: Step, outcome: Extract<Outcome, { wait: string }>): Promise<'rest'> {
    const { wait, seconds, againIn, context: found } = outcome;
    if (againIn !== undefined) return this.#poll(live, step, { ...outcome, againIn });
    if (seconds === undefined) live.step.prolong(undefined);
    else if (live.step.longWait?.wait !== wait) await this.#rows.prolong(live, { wait, seconds }, step);
    const isNews = live.step.wait !== wait || outcome.context !== undefined;
    const { shows = 'wait' } = outcome;
    live.step.rest(wait, shows === 'hold');
    if (isNews) {
      await this.#rows.write(live, (before) => ({
        waiting_for: describeWait(live),
        again_at: null,
        ...adding(found)(before),
      }));
      await this.#rows.processEvent(live, shows);
      this.#record.step(live.operation, step, 'waiting', `waiting for ${wait}`);
    }
    return 'rest';
  }

  async #poll(live: LiveOperation, step: Step, { wait, seconds, againIn, context, shows }: PollingWait): Promise<'rest'> {
    // A wait that has a deadline of its own; when it has ended, the step gets its full time.
    const own = seconds === undefined ? undefined : { wait, seconds };
    if (live.step.longWait?.wait !== own?.wait) await this.#rows.prolong(live, own, step);
    const isNews = live.step.pollWait === undefined;
    await this.#rows.waitUntil(live, { wait, seconds: againIn, context });
    if (isNews && shows) await this.#rows.processEvent(live, shows);
    return 'rest';
  }

  async #advance(live: LiveOperation, step: Step, found: Partial<JsonObject> = {}): Promise<'next' | 'rest'> {
    this.#record.step(live.operation, step, 'ended');
    // The event is written before the row: after a crash a step may be recorded twice, but never missing.
    await this.#parts.store.events.flush();
    const next = stepAfter(this.#stepsOf(live.operation), step);
    const withFound = adding(found);
    if (isAbortedHere(live.operation, step, next)) {
      await this.#rows.write(live, withFound);
      return this.#fail(live, abortFault());
    }
    if (!next) return this.#end(live, live.operation.state === 'rolling_back' ? 'failed' : 'done', withFound);
    await this.#rows.enter(live, next, withFound);
    return 'next';
  }

  /** The first failure starts the rollback; a failure during the rollback is recorded, and the rollback continues. */
  async #fail(live: LiveOperation, fault: Fault, step?: Step): Promise<'next' | 'rest'> {
    const { operation } = live;
    if (step) this.#record.step(operation, step, 'failed', `failed: ${fault.message}`);
    if (fault.code === 'internal') this.#logDefect(live, fault);
    if (operation.state === 'rolling_back') return this.#failRollback(live, fault, step);
    live.loop.renewSignal();
    const disk = step ? diskFact(this.#stepsOf(operation), step) : {};
    const context = { ...operation.context, ...disk };
    const { first, lost } = this.#rollbackOf(live, { ...operation, state: 'rolling_back', context });
    const turned: RowChange = (now) => ({
      state: 'rolling_back',
      fault: fault.toRecord(step?.title ?? operation.step),
      context: { ...now.context, ...disk, ...(lost && { undo_faults: [lost.message] }) },
    });
    if (!first) return this.#end(live, 'failed', turned);
    await this.#rows.enter(live, first, turned);
    return 'next';
  }

  /** The first step of the rollback, or the fault because of which there is none. */
  #rollbackOf(live: LiveOperation, rollingBack: RunningOperation): { first?: Step | undefined; lost?: Fault } {
    try {
      return { first: this.#stepsOf(rollingBack)[0] };
    } catch (error) {
      const lost = defectOf(error);
      this.#logDefect(live, lost);
      return { lost };
    }
  }

  async #failRollback(live: LiveOperation, fault: Fault, step: Step | undefined): Promise<'next' | 'rest'> {
    const next = step && stepAfter(this.#stepsOf(live.operation), step);
    const noted: RowChange = ({ context }) => ({
      context: { ...context, undo_faults: [...(context.undo_faults ?? []), fault.message] },
    });
    if (!next) return this.#end(live, 'failed', noted);
    await this.#rows.enter(live, next, noted);
    return 'next';
  }

  async #end(live: LiveOperation, state: 'done' | 'failed', change: RowChange): Promise<'rest'> {
    const { followers, defect, found } = await this.#rows.end(live, state, change);
    if (defect) this.#logDefect(live, defect);
    const { operation } = live;
    const { id, kind, node_uuid, fault } = operation;
    this.#record.ended(operation, found);
    this.#parts.log.info(
      { operation: id, kind, node: node_uuid, state: operation.state, fault: fault?.message },
      'operation ended',
    );
    for (const follower of followers) this.launch(follower);
    const { awaited_by } = operation.request;
    if (awaited_by) this.wake(awaited_by.operation);
    return 'rest';
  }

  #logDefect({ operation }: LiveOperation, fault: Fault): void {
    const { id, step } = operation;
    this.#parts.log.error({ err: fault.detail ?? fault, operation: id, step }, 'unexpected error in an operation');
  }

  #setTimer(live: LiveOperation): void {
    const silentAt = live.operation.context.command && live.agent.silentAt(this.#parts.silenceTimeoutMs);
    live.loop.setTimer(live.step.nextRunInMs(silentAt), () => void this.#drive(live));
  }

  #findStep(operation: RunningOperation): Step | undefined {
    const isCurrent = ({ name, formerName }: Step) => name === operation.step || formerName === operation.step;
    return this.#stepsOf(operation).find(isCurrent);
  }

  #stepsOf(operation: RunningOperation): readonly Step[] {
    return this.#parts.operations.steps(operation);
  }
}

/** What an operation is cancelled with at an operator's request. */
export function abortFault(): Fault {
  return new Fault('cancelled', { what: 'The operation', why: 'it was aborted by an operator' });
}

/** An abort was requested in a step of the API that must not be aborted, and has ended now. */
function isAbortedHere({ state, context }: RunningOperation, { api }: Step, next: Step | undefined): boolean {
  return state === 'running' && context.abort_after === true && api?.index !== next?.api?.index;
}

function describeWait(live: LiveOperation): string {
  const { wait, awaitsBoot } = live.step;
  return awaitsBoot ? `${wait}; so far: ${summarize(live.boot.signs)}` : String(wait);
}

/** Matched by name, because the list may be rebuilt on each call. */
function stepAfter(steps: readonly Step[], step: Step): Step | undefined {
  return steps[steps.findIndex((candidate) => candidate.name === step.name) + 1];
}
