/** Power changes, verified by reading the state back, and the record of every BMC command. */

import { asFault, Fault, failedBmcFaults, passingBmcFaults } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { releaseHeld } from '../servers/held-addresses.ts';
import type { EngineSettings } from '../settings.ts';
import type { StepMemory } from '../worker/step-memory.ts';
import { StepWait } from '../worker/step-wait.ts';
import type { Change } from './power-progress.ts';

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
  /** What is remembered between the runs of the step. */
  memory: StepMemory;
  /** Called before a command is sent, and when the BMC is away. Throws `StepWait` while firmware may be being written. */
  awaitFirmware?: (target: PowerTarget) => Promise<void>;
  /** Called before a command that starts the machine. */
  beforeStart?: () => Promise<void>;
  /** How long a BMC may be unreachable before a command and after it; absent: no grace period. */
  gracePeriodSeconds?: number;
};

/** Delay before a failing BMC is retried. */
const troubleSeconds = 2;
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
    if (!(error instanceof StepWait)) record(`${subject}: ${asFault(error).message}`);
    throw error;
  } finally {
    clearTimeout(slow);
  }
}

/**
 * Brings the machine to `target`. If it is there already, nothing is sent. Otherwise the command is sent once, then the
 * state is polled until it matches. BMCs that receive a command twice misbehave (nova bug 1234479). A power action that
 * the interface does not support is composed of basic ones; each is verified before the next is sent.
 * @throws StepWait while the machine or its BMC takes time: the step runs again and continues here
 * @throws Fault `powerNotReached` after `power.timeout`, or the last fault of the BMC
 */
export async function changePower(context: PowerContext, target: PowerTarget): Promise<void> {
  const { power } = context;
  if (!power.targets || power.targets.includes(target)) return changeOnce(context, target);
  await changeOnce(context, 'power off');
  if (target === 'soft power off') return;
  restBefore(context, 'power on', power.pauseSeconds ?? 0);
  await changeOnce(context, 'power on');
}

/** Pause of a composed reset. */
function restBefore({ memory }: PowerContext, next: PowerState, seconds: number): void {
  const left = seconds - memory.elapsed(`pause before ${next}`);
  if (seconds > 0 && left > 0) throw new StepWait({ wait: `a pause before ${next}`, againIn: left });
}

async function changeOnce(context: PowerContext, target: PowerTarget): Promise<void> {
  const { change, index } = context.memory.power.next();
  if (change.isDone) return;
  const at = { ...context, change, clock: `power change ${index}` };
  if (!change.sent && (await isThere(at, target))) return;
  if (change.sent?.isAnswered === false) await sendIfLost(at, change.sent);
  if (change.sent) await seePower(at, change.sent);
}

type At = PowerContext & { change: Change; clock: string };
type Sent = NonNullable<Change['sent']>;

/** Reads the state, and sends the command if it is not the wanted one. */
async function isThere(at: At, target: PowerTarget): Promise<boolean> {
  const { change, signal } = at;
  const restarts = target === 'reset' || target === 'power cycle';
  const wanted: PowerState = target === 'power on' || restarts ? 'power on' : 'power off';
  const before = await askState(at).catch(async (error: unknown) => {
    await at.awaitFirmware?.(target);
    throw error;
  });
  if (before === wanted && !restarts) {
    await noteReached(at, wanted);
    return true;
  }
  await at.awaitFirmware?.(target);
  // A cancelled operation must not switch the machine any more.
  signal.throwIfAborted();
  if (wanted === 'power on') await at.beforeStart?.();
  change.sent = { target: restarts && before === 'power off' ? 'power on' : target, wanted, isAnswered: true };
  try {
    await send(at, change.sent.target);
  } catch (error) {
    // It took effect, or was lost with the connection: the next successful read of the state shows which.
    if (!isAway(error) || change.sent.target !== wanted) throw error;
    change.sent.isAnswered = false;
  }
  return false;
}

async function sendIfLost(at: At, sent: Sent): Promise<void> {
  const seen = await askState(at);
  at.signal.throwIfAborted();
  if (seen !== sent.wanted) await send(at, sent.target);
  sent.isAnswered = true;
}

/** Without a signal: a later command must not overtake one in flight. */
function send(at: At, target: PowerTarget): Promise<void> {
  return recordBmcCommand(at, target, () => at.power.setPower(at.node, target));
}

function askState(at: At): Promise<PowerState> {
  const { power, node, signal } = at;
  const ask = () => power.getPower(node, { signal });
  return recordBmcCommand(at, 'power status', () => withinGracePeriod(at, 'power status', ask));
}

/**
 * While the BMC does not respond, the step waits and runs again: it may be restarting, which takes about a minute, and a
 * long operation need not fail because of that.
 */
export async function withinGracePeriod<R>(
  { memory, gracePeriodSeconds = 0 }: Pick<PowerContext, 'memory' | 'gracePeriodSeconds'>,
  subject: string,
  ask: () => Promise<R>,
): Promise<R> {
  const clock = 'BMC away';
  // The first failures may open its circuit, which shortens the period for others only.
  const seconds = memory.keep(clock, gracePeriodSeconds);
  try {
    const answer = await ask();
    memory.forget(clock);
    return answer;
  } catch (error) {
    if (!isAway(error) || memory.elapsed(clock) + troubleSeconds > seconds) throw error;
    throw new StepWait({ wait: `the BMC to answer "${subject}"`, againIn: troubleSeconds });
  }
}

/** Ends when the state is the wanted one. */
async function seePower(at: At, { target, wanted }: Sent): Promise<void> {
  const { power, node, settings, signal, change, memory, clock } = at;
  const seconds = target === 'soft power off' ? softOffSeconds : settings['power.timeout'];
  const elapsed = memory.elapsed(clock);
  let failure: unknown;
  try {
    change.seen = await power.getPower(node, { signal });
  } catch (error) {
    // A BMC may be busy with the change itself. A wrong password is not retried.
    if (!isPassing(error)) throw error;
    failure = error;
  }
  if (change.seen === wanted && !failure) return noteReached(at, wanted);
  const poll = Math.max(settings['power.poll_ms'], 1) / 1000;
  const againIn = failure ? Math.max(poll, troubleSeconds) : poll;
  if (elapsed + againIn <= seconds) {
    const wait = `the machine to reach ${wanted}; its BMC ${failure ? troubleOf(failure) : `says ${change.seen}`}`;
    throw new StepWait({ wait, againIn });
  }
  throw failure ?? new Fault('powerNotReached', { target: wanted, seen: change.seen, seconds });
}

async function noteReached(at: At, state: PowerState): Promise<void> {
  await notePower(at, state);
  at.change.isDone = true;
}

/** Without the fault's message, which names the BMC: owners of servers read this too. */
function troubleOf(error: unknown): string {
  const { code } = asFault(error);
  if (code === 'limitReached') return 'was not asked yet, as too many others are';
  return code === 'bmcUnreachable' ? 'does not answer' : 'answers with an error';
}

function isAway(error: unknown): boolean {
  return passingBmcFaults.includes(asFault(error).code);
}

function isPassing(error: unknown): boolean {
  return isAway(error) || failedBmcFaults.includes(asFault(error).code);
}

/** Updates the power state in the node's row, if it has another one. */
async function notePower({ store, node }: BmcContext, state: PowerState): Promise<void> {
  const [now] = await store.nodes.pick(['power_state', 'target_power_state'], { uuid: node.uuid });
  const isKnown = now?.power_state === state && now.target_power_state === null;
  const changed = !isKnown && (await store.nodes.update({ uuid: node.uuid }, { power_state: state, target_power_state: null }));
  if (state === 'power off') await releaseHeld(store, { node_uuid: node.uuid }, 'the machine is powered off');
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
