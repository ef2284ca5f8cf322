/** Power changes that are checked by their effect, and the record of every BMC command. */
import { asFault, Fault } from '#domain/faults.ts';
import type { Operation, PowerState } from '#domain/records.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import { now } from './step-deadlines.ts';

/** What a system gets to shut down by itself: it stops its services first, which no power supply has to. */
export const softOffSeconds = 120;

type BmcContext = { store: Store; node: NodeFacts; operation?: Operation; signal: AbortSignal };
type PowerContext = BmcContext & { power: PowerInterface; settings: Pick<Settings, 'power.timeout' | 'power.poll_ms'> };

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
  try {
    const result = await command();
    record(`${subject}: ${typeof result === 'string' ? result : 'ok'}`);
    return result;
  } catch (error) {
    record(`${subject}: ${asFault(error).message}`);
    throw error;
  }
}

/**
 * Brings the machine to `target`: nothing is sent where it is there already; the command is sent once, then the state
 * is read until it matches. BMCs that are told twice misbehave (nova bug 1234479).
 * Throws `powerNotReached` after `power.timeout`, or what the BMC last failed with.
 */
export async function changePower(context: PowerContext, target: PowerTarget): Promise<void> {
  const { power, node } = context;
  if (power.targets && !power.targets.includes(target)) return await changeInParts(context, target);
  const restarts = target === 'reset' || target === 'power cycle';
  const wanted: PowerState = target === 'power on' || restarts ? 'power on' : 'power off';
  const before = await recordBmcCommand(context, 'power status', () => power.getPower(node));
  if (restarts && before === 'power off') return changePower(context, 'power on');
  if (before === wanted && !restarts) return notePower(context, wanted);
  // Whoever cut this short has other plans for the machine.
  context.signal.throwIfAborted();
  await recordBmcCommand(context, target, () => power.setPower(node, target));
  await untilPower(context, wanted, target === 'soft power off' ? softOffSeconds : context.settings['power.timeout']);
  await notePower(context, wanted);
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
      seen = await power.getPower(node);
      failure = undefined;
    } catch (error) {
      // A BMC may be busy with the change itself; a wrong password will not get right by waiting.
      if (asFault(error).code !== 'bmcUnreachable') throw error;
      failure = error;
    }
    if (seen === wanted && !failure) return;
    await pause(settings['power.poll_ms'], signal);
  }
  if (failure) throw failure;
  throw new Fault('powerNotReached', { target: wanted, seen, seconds });
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
