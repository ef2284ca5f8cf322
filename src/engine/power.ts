/** Power changes that are checked by their effect, and the record of every BMC command. */
import { asFault, Fault, passingBmcFaults } from '#domain/faults.ts';
import type { Operation, PowerState } from '#domain/records.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import { now } from './step-deadlines.ts';

/** What a system gets to shut down by itself: it stops its services first, which no power supply has to. */
export const softOffSeconds = 120;

type BmcContext = {
  store: Store;
  node: NodeFacts;
  operation?: Operation;
  signal: AbortSignal;
  /** Told what takes its time, for whoever looks at the node meanwhile. */
  reportWait?: (wait: string) => void;
};
type PowerContext = BmcContext & {
  power: PowerInterface;
  settings: Pick<Settings, 'power.timeout' | 'power.poll_ms'>;
  /** Told before a command is sent that starts the machine. */
  beforeStart?: () => Promise<void>;
  /** Longest silence that is sat out before a command and after it; absent = none. */
  gracePeriodSeconds?: number;
};

/** A BMC in trouble is not asked again at once (milliseconds). */
const troubleMs = 2000;
/** A command that takes longer is told of (milliseconds). */
const slowMs = 3000;

/** Does one BMC command and records it with its duration and result. */
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
 * Brings the machine to `target`: nothing is sent where it is there already; the command is sent once, then the state
 * is read until it matches. BMCs that are told twice misbehave (nova bug 1234479).
 * Throws `powerNotReached` after `power.timeout`, or what the BMC last failed with.
 */
export async function changePower(context: PowerContext, target: PowerTarget): Promise<void> {
  const { power } = context;
  if (power.targets && !power.targets.includes(target)) return await changeInParts(context, target);
  const restarts = target === 'reset' || target === 'power cycle';
  const wanted: PowerState = target === 'power on' || restarts ? 'power on' : 'power off';
  const before = await askState(context);
  if (restarts && before === 'power off') return changePower(context, 'power on');
  if (before === wanted && !restarts) return notePower(context, wanted);
  // Whoever cut this short has other plans for the machine.
  context.signal.throwIfAborted();
  await command(context, target, wanted);
  await untilPower(context, wanted, target === 'soft power off' ? softOffSeconds : context.settings['power.timeout']);
  await notePower(context, wanted);
}

/**
 * Asks again while the BMC is silent: it may be restarting, which takes it a minute, and an operation of many minutes
 * need not fail for that.
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

/** Without a signal: what follows must not overtake a command that is on its way. */
async function command(context: PowerContext, target: PowerTarget, wanted: PowerState): Promise<void> {
  const { power, node, signal, beforeStart } = context;
  if (wanted === 'power on') await beforeStart?.();
  const send = () => recordBmcCommand(context, target, () => power.setPower(node, target));
  try {
    return await send();
  } catch (error) {
    if (!isAway(error) || target !== wanted) throw error;
  }
  // It was carried out, or was lost with the BMC: the state tells once it answers again.
  const seen = await askState(context);
  signal.throwIfAborted();
  if (seen !== wanted) await send();
}

/** What every kind of power knows, in place of what this one does not; each part is seen before the next is sent. */
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
      // A BMC may be busy with the change itself; a wrong password will not get right by waiting.
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

/** Without the fault's own words, which name the BMC: owners of servers read this too. */
function troubleOf(error: unknown): string {
  return asFault(error).code === 'bmcUnreachable' ? 'does not answer' : 'answers with an error';
}

function isAway(error: unknown): boolean {
  return passingBmcFaults.includes(asFault(error).code);
}

function isPassing(error: unknown): boolean {
  return isAway(error) || asFault(error).code === 'bmcError';
}

/** Keeps the node's row true. */
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

/** Rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
