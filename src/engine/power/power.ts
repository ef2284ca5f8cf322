/** Power changes, verified by reading the state back, and the record of every BMC command. */

import { pause } from '#async/timers.ts';
import { asFault, Fault, passingBmcFaults } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { EngineSettings } from '../settings.ts';
import { now } from '../worker/step-deadlines.ts';

/** Timeout of a soft power off: the operating system stops its services first. */
export const softOffSeconds = 120;

type BmcContext = {
  store: Store;
  node: NodeFacts;
  operation?: Pick<Operation, 'id' | 'server_id'>;
  signal: AbortSignal;
  /** Called with the reason for a long wait, for display in the node. */
  reportWait?: (wait: string) => void;
};
type PowerContext = BmcContext & {
  power: PowerInterface;
  settings: Pick<EngineSettings, 'power.timeout' | 'power.poll_ms'>;
  /** Called before a command that starts the machine. */
  beforeStart?: () => Promise<void>;
  /** How long a BMC may be unreachable before a command and after it; absent: no grace period. */
  gracePeriodSeconds?: number;
};

/** Delay before a failing BMC is retried (milliseconds). */
const troubleMs = 2000;
/** Commands slower than this are reported (milliseconds). */
const slowMs = 3000;

/** Runs one BMC command and records it with its duration and result. */
export async function recordBmcCommand<R>(context: BmcContext, subject: string, command: () => Promise<R>): Promise<R> {
  const started = performance.now();
  const record = (message: string) =>
    context.store.events.append({
      kind: 'bmc',
      node_uuid: context.node.uuid,
      server_id: context.operation?.server_id ?? null,
      operation_id: context.operation?.id ?? null,
      subject,
      message,
      duration_ms: Math.round(performance.now() - started),
    });
  const slow = setTimeout(() => context.reportWait?.(`the BMC to answer "${subject}"`), slowMs);
  try {
    const result = await command();
    record(`${subject}: ${typeof result === 'string' ? result : 'ok'}`);
    return result;
  } catch (error) {
    record(`${subject}: ${asFault(error).message}`);
    throw error;
  } finally {
    clearTimeout(slow);
  }
}

/**
 * Brings the machine to `target`. If it is there already, nothing is sent. Otherwise the command is sent once, then the
 * state is polled until it matches. BMCs that receive a command twice misbehave (nova bug 1234479).
 * @throws Fault `powerNotReached` after `power.timeout`, or the last fault of the BMC
 */
export async function changePower(context: PowerContext, target: PowerTarget): Promise<void> {
  const { power } = context;
  if (power.targets && !power.targets.includes(target)) return await changeInParts(context, target);
  const restarts = target === 'reset' || target === 'power cycle';
  const wanted: PowerState = target === 'power on' || restarts ? 'power on' : 'power off';
  const before = await askState(context);
  if (restarts && before === 'power off') return changePower(context, 'power on');
  if (before === wanted && !restarts) return notePower(context, wanted);
  // A cancelled operation must not switch the machine any more.
  context.signal.throwIfAborted();
  await command(context, target, wanted);
  await untilPower(context, wanted, target === 'soft power off' ? softOffSeconds : context.settings['power.timeout']);
  await notePower(context, wanted);
}

/**
 * Retries while the BMC does not respond: it may be restarting, which takes about a minute, and a long operation need
 * not fail because of that.
 */
export async function withinGracePeriod<R>(
  context: Pick<PowerContext, 'signal' | 'gracePeriodSeconds'>,
  ask: () => Promise<R>,
): Promise<R> {
  const until = now() + (context.gracePeriodSeconds ?? 0) * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error) || now() + troubleMs > until) throw error;
      await pause(troubleMs, context.signal);
    }
  }
}

function askState(context: PowerContext): Promise<PowerState> {
  const { power, node, signal } = context;
  return recordBmcCommand(context, 'power status', () => withinGracePeriod(context, () => power.getPower(node, { signal })));
}

/** Without a signal: a later command must not overtake one in flight. */
async function command(context: PowerContext, target: PowerTarget, wanted: PowerState): Promise<void> {
  const { power, node, signal, beforeStart } = context;
  if (wanted === 'power on') await beforeStart?.();
  const send = () => recordBmcCommand(context, target, () => power.setPower(node, target));
  try {
    return await send();
  } catch (error) {
    if (!isAway(error) || target !== wanted) throw error;
  }
  // The command took effect, or was lost with the connection: the next successful read of the state shows which.
  const seen = await askState(context);
  signal.throwIfAborted();
  if (seen !== wanted) await send();
}

/**
 * Splits a power action that the interface does not support into basic ones; each is verified before the next is sent.
 */
async function changeInParts(context: PowerContext, target: PowerTarget): Promise<void> {
  await changePower(context, 'power off');
  if (target === 'soft power off') return;
  await pause((context.power.pauseSeconds ?? 0) * 1000, context.signal);
  await changePower(context, 'power on');
}

async function untilPower(context: PowerContext, wanted: PowerState, seconds: number): Promise<void> {
  const { power, node, settings, signal } = context;
  const deadline = now() + seconds * 1000;
  let seen: string = 'unknown';
  let failure: unknown;
  while (now() < deadline) {
    signal.throwIfAborted();
    try {
      seen = await power.getPower(node, { signal });
      failure = undefined;
    } catch (error) {
      // A BMC may be busy with the change itself. A wrong password is not retried.
      if (!isPassing(error)) throw error;
      failure = error;
    }
    if (seen === wanted && !failure) return;
    context.reportWait?.(`the machine to reach ${wanted}; its BMC ${failure ? troubleOf(failure) : `says ${seen}`}`);
    await pause(failure ? Math.max(settings['power.poll_ms'], troubleMs) : settings['power.poll_ms'], signal);
  }
  if (failure) throw failure;
  throw new Fault('powerNotReached', { target: wanted, seen, seconds });
}

/** Without the fault's message, which names the BMC: owners of servers read this too. */
function troubleOf(error: unknown): string {
  return asFault(error).code === 'bmcUnreachable' ? 'does not answer' : 'answers with an error';
}

function isAway(error: unknown): boolean {
  return passingBmcFaults.includes(asFault(error).code);
}

function isPassing(error: unknown): boolean {
  return isAway(error) || asFault(error).code === 'bmcError';
}

/** Updates the power state in the node's row. */
async function notePower({ store, node }: BmcContext, state: PowerState): Promise<void> {
  const changed = await store.nodes.update({ uuid: node.uuid }, { power_state: state, target_power_state: null });
  if (changed && node.power_state !== state) {
    store.events.append({
      kind: 'power',
      node_uuid: node.uuid,
      subject: state,
      message: `is now ${state}`,
      data: { before: node.power_state },
    });
  }
}
