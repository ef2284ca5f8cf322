/** Runs one step, with its deadline and cancellation. */

import { endWith, raceAbort } from '#async/abort.ts';
import { LongTimer } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import { explain } from '../messages/diagnosis.ts';
import { operatorTimeout } from '../power/manual-power.ts';
import type { TaskFactory } from './bound-operations.ts';
import type { LiveOperation } from './live-operations.ts';
import { StepWait } from './step-wait.ts';

/** A cancelled step may have a command in flight to the machine, which later commands must not overtake. */
const settleMs = 15_000;

/** `hurry`: the process is stopping, so nothing follows that could overtake. */
type RunParts = { taskFor: TaskFactory; hurry: AbortSignal; askPower?: AskPower };
export type AskPower = (live: LiveOperation, signal: AbortSignal) => Promise<PowerState | undefined>;

/** Throws what the step throws, the fault that cancelled it, or `stepTimeout`. */
export async function runStep(parts: RunParts, live: LiveOperation, step: Step): Promise<Outcome> {
  const { taskFor, hurry } = parts;
  const { cancelledBy } = live.loop;
  if (cancelledBy && live.operation.state === 'running') throw cancelledBy;
  const left = live.step.leftMs;
  if (left <= 0) throw await timeoutFault(parts, live, step);
  const end = endWith(live.loop.signal);
  const { signal } = end;
  let isOvertime = false;
  const timer = new LongTimer();
  timer.set(left, () => {
    isOvertime = !signal.aborted;
    end.abort();
  });
  let run: Promise<Outcome> | undefined;
  try {
    const task = await taskFor(live, signal);
    run = step.run(task);
    return await raceAbort(run, signal);
  } catch (error) {
    if (signal.aborted && run) await settled(run, hurry);
    if (isOvertime) throw await timeoutFault(parts, live, step);
    if (error instanceof StepWait) return error.outcome;
    throw error;
  } finally {
    timer.clear();
    end.release();
  }
}

async function timeoutFault({ askPower, hurry }: RunParts, live: LiveOperation, step: Step): Promise<Fault> {
  const { longWait, wait, pollWait } = live.step;
  if (longWait && live.step.isHeld) return new Fault('holdTimeout', { seconds: longWait.seconds });
  if (longWait) return operatorTimeout(longWait.wait, longWait.seconds);
  const about = { step: step.title, seconds: step.deadlineSeconds };
  const { signs } = live.boot;
  if (wait === undefined) {
    const last = pollWait ?? live.operation.waiting_for;
    const waited = last ? `waited for ${last}` : 'it did not complete';
    return new Fault('stepTimeout', { ...about, waited, seen: explain(signs).seen, cause: stillWorking });
  }
  const power = await askPower?.(live, hurry);
  const silentSeconds = live.agent.silentMs / 1000;
  return new Fault('stepTimeout', { ...about, waited: `waited for ${wait}`, ...explain(signs, { power, silentSeconds }) });
}

const stillWorking = 'The step was still running and not waiting for the machine; the timeline shows its last action.';

/** Resolves when `run` has settled, on `hurry`, or after `settleMs`. */
async function settled(run: Promise<unknown>, hurry: AbortSignal): Promise<void> {
  const enough = AbortSignal.any([hurry, AbortSignal.timeout(settleMs)]);
  await raceAbort(run, enough).catch(() => {});
}
