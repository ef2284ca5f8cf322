/** One run of one step, bounded by its deadline and by whoever cuts it short. */
import { Fault } from '#domain/faults.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { personSilent, WaitForPerson } from './by-hand.ts';
import { explainSilence } from './diagnosis.ts';
import type { LiveOperation } from './live-operations.ts';
import type { TaskFactory } from './operation-kinds.ts';
import { LongTimer, now } from './step-deadlines.ts';

/** A step that was cut short may have a command on its way to the machine; what follows must not overtake it. */
const settleMs = 15_000;

/** `hurry`: the process ends, so nothing follows that could be overtaken. */
type RunParts = { store: Store; taskFor: TaskFactory; hurry: AbortSignal };

/** Throws what the step throws, the fault that cancelled it, or `stepTimeout`. */
export async function runStep({ store, taskFor, hurry }: RunParts, live: LiveOperation, step: Step): Promise<Outcome> {
  if (live.cancelled && live.operation.state === 'running') throw live.cancelled;
  const left = live.endsAt - now();
  if (left <= 0) throw await timeoutFault(store, live, step);
  const overtime = new AbortController();
  const signal = AbortSignal.any([live.controller.signal, overtime.signal]);
  const timer = new LongTimer();
  timer.set(left, () => overtime.abort());
  let run: Promise<Outcome> | undefined;
  try {
    const task = await taskFor(live, step, signal);
    run = step.run(task);
    return await Promise.race([run, rejectOnAbort(signal)]);
  } catch (error) {
    if (signal.aborted && run) await settled(run, hurry);
    if (overtime.signal.aborted) throw await timeoutFault(store, live, step);
    if (error instanceof WaitForPerson) return error.outcome;
    throw error;
  } finally {
    timer.clear();
  }
}

async function timeoutFault(store: Store, live: LiveOperation, step: Step): Promise<Fault> {
  if (live.longWait) return personSilent(live.longWait.wait, live.longWait.seconds);
  const { seen, cause } = await explainSilence(store, live.operation);
  const waited = live.operation.waiting_for ? `waited for ${live.operation.waiting_for}` : 'it did not come to an end';
  return new Fault('stepTimeout', { step: step.title, seconds: step.deadlineSeconds, waited, seen, cause });
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Resolves when `run` has ended in whatever way, or has had its chance. */
async function settled(run: Promise<unknown>, hurry: AbortSignal): Promise<void> {
  const enough = AbortSignal.any([hurry, AbortSignal.timeout(settleMs)]);
  await Promise.race([run, rejectOnAbort(enough)]).catch(() => {});
}
