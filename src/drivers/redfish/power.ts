import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { Health, NodeFacts, PowerInterface, PowerTarget } from '../interfaces.ts';
import { unsubscribe } from './event-subscription.ts';
import type { WatchPower } from './events.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { readRedfishSettings, redfishEndpoints, redfishProperties } from './properties.ts';
import { type Action, findAction, type ResetType, targetTable } from './reset.ts';
import { rowOf, textAt } from './resource-fields.ts';

/** Milliseconds. */
export type PollTiming = {
  /** Poll interval for an effect, and retry interval of commands sent too early. */
  readonly pollMs: number;
  readonly retryMs: number;
  /** Timeout for an effect. */
  readonly effectMs: number;
};
export const defaultPollTiming: PollTiming = { pollMs: 1_000, retryMs: 5_000, effectMs: 60_000 };

/** A machine that is powering off still counts as on, one that is powering on already does. */
const stateTable: Readonly<Record<string, PowerState>> = {
  On: 'power on',
  PoweringOn: 'power on',
  PoweringOff: 'power on',
  Paused: 'power on',
  Off: 'power off',
};

/** The state in which a command has nothing to do. */
const doneTable: Readonly<Partial<Record<PowerTarget, string>>> = {
  'power on': 'On',
  'power off': 'Off',
  'soft power off': 'Off',
};

/** Errors for a ResetType that the service does not support, although it knows the name. */
const unknownType = /ActionParameter(NotSupported|ValueNotInList|ValueFormatError|Unknown|ValueTypeError)|PropertyValueNotInList/;
/** Errors for a command sent too early. */
const tooEarly = /ActionParameterValueConflict|InvalidOperationForSystemState/;

export function createRedfishPower(
  withSystem: WithSystem,
  watchPower: WatchPower,
  pollTiming: PollTiming = defaultPollTiming,
): PowerInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    endpoints: redfishEndpoints,
    getPower: (node, callOptions) =>
      withSystem({ node, command: 'read PowerState', callOptions }, async (at) => {
        const { body } = await at.system();
        const state = powerOf(at, body);
        callOptions?.health?.(healthOf(body));
        const leniencies = [...at.client.leniencies];
        if (leniencies.length > 0) callOptions?.notice?.(`the web server of its BMC ${leniencies.join('; ')}: Ingot adapts`);
        return state;
      }),
    setPower: (node, target, callOptions) =>
      withSystem({ node, command: `ComputerSystem.Reset ${target}`, callOptions }, (at) => command(at, target, pollTiming)),
    watchPower,
    unsubscribe: (node, path, { signal }) => unsubscribe({ withSystem, node }, path, signal),
  };
}

const healthTable: readonly string[] = ['OK', 'Warning', 'Critical'] satisfies Health[];

/** Of the system with all its parts; a service may report one of the two fields. */
function healthOf(system: Resource): Health | null {
  const word = textAt(system, 'Status', 'HealthRollup') ?? textAt(system, 'Status', 'Health');
  return (healthTable.find((each) => each === word) as Health | undefined) ?? null;
}

function powerOf({ node }: SystemContext, system: Resource): PowerState {
  const word = textAt(system, 'PowerState');
  const state = rowOf(stateTable, word);
  if (state !== undefined) return state;
  const command = 'read PowerState';
  if (word !== undefined) throw bmcFault('bmcMalformedReply', node, { command, detail: `the power state ${word}` });
  const detail = 'no power state';
  throw new Fault('bmcNotReady', { address: readRedfishSettings(node).address, command, detail });
}

async function command(at: SystemContext, target: PowerTarget, pollTiming: PollTiming): Promise<void> {
  const { body } = await at.system();
  const types = targetTable[effectiveTarget(target, textAt(body, 'PowerState'))].filter((type) => mayUse(at.node, type));
  const action = await resetAction(at, body);
  const offered = types.filter((type) => action.allowed?.includes(type) ?? true);
  if (offered.length > 0) return sendFirst({ at, target, action, types: offered, pollTiming });
  if (target !== 'power cycle' && target !== 'reset')
    throw unsupportedByBmc(at.node, target, `no ResetType for it (offered: ${action.allowed?.join(', ')})`);
  if (at.node.disable_power_off) throw unsupportedByBmc(at.node, target, 'no ResetType that keeps the power on');
  // Equivalent: off, then on once it is off. Node cards of HPE Cray EX have no other reset either.
  await command(at, 'power off', pollTiming);
  await untilOff(at, pollTiming);
  await command(at, 'power on', pollTiming);
}

/** A machine that must never lose power is not switched off for a moment either. */
function mayUse({ disable_power_off }: NodeFacts, type: ResetType): boolean {
  return !disable_power_off || (type !== 'PowerCycle' && type !== 'FullPowerCycle');
}

/** Restarting a machine that is off powers it on; powering on a paused machine resumes it. */
function effectiveTarget(target: PowerTarget, state: string | undefined): keyof typeof targetTable {
  if (state === 'Off' && (target === 'reset' || target === 'power cycle')) return 'power on';
  if (state === 'Paused' && target === 'power on') return 'resume';
  return target;
}

type Sending = { at: SystemContext; target: PowerTarget; action: Action; types: readonly ResetType[]; pollTiming: PollTiming };

/** Falls back to the next ResetType if the service rejects one, even one that it lists. */
async function sendFirst({ at, target, action, types, pollTiming }: Sending): Promise<void> {
  for (const [index, type] of types.entries()) {
    try {
      return await send({ at, action, type, pollTiming });
    } catch (error) {
      if (!(error instanceof RedfishError) || error.failure !== 'answered') throw error;
      if (await isDone(at, target)) return;
      const mayTryNext = index + 1 < types.length && isUnknown(error);
      if (!mayTryNext) throw error;
    }
  }
}

/** Retries commands sent too early, on hardware known for it: a rejected command had no effect, so none runs twice. */
async function send({ at, action, type, pollTiming }: Omit<Sending, 'types' | 'target'> & { type: ResetType }): Promise<void> {
  const until = Date.now() + pollTiming.effectMs;
  // A shutdown takes as long as the operating system needs; the engine polls for its effect.
  const task = type === 'GracefulShutdown' ? 'accept' : 'follow';
  for (;;) {
    try {
      await at.client.post(action.target, { ResetType: type }, { ...at.callOptions, task });
      return;
    } catch (error) {
      const isEarly = error instanceof RedfishError && tooEarly.test(error.messageIds.join(' '));
      if (!isEarly || !at.paths.tolerances.has('settles after power off') || Date.now() + pollTiming.retryMs > until) throw error;
      await pause(pollTiming.retryMs, at.callOptions.signal);
    }
  }
}

function isUnknown({ status, messageIds }: RedfishError): boolean {
  return status === 400 && (messageIds.length === 0 || unknownType.test(messageIds.join(' ')));
}

/** Many services return an error if the machine already is in the requested state. */
async function isDone(at: SystemContext, target: PowerTarget): Promise<boolean> {
  const done = doneTable[target];
  return done !== undefined && textAt((await at.system()).body, 'PowerState') === done;
}

async function untilOff(at: SystemContext, { pollMs, effectMs }: PollTiming): Promise<void> {
  const until = Date.now() + effectMs;
  while (textAt((await at.system()).body, 'PowerState') !== 'Off') {
    if (Date.now() + pollMs > until) throw new Fault('powerNotReached', { target: 'off', seen: 'on', seconds: effectMs / 1000 });
    await pause(pollMs, at.callOptions.signal);
  }
}

export async function resetAction(at: SystemContext, system: Resource): Promise<Action> {
  const action = await findAction(at, system, { name: 'ComputerSystem.Reset', parameter: 'ResetType' });
  if (action === undefined)
    throw unsupportedByBmc(at.node, 'ComputerSystem.Reset', 'the resource of the machine has no such action');
  return action;
}

type Failure = { readonly command: string; readonly detail: string };

/** Fault for a BMC that responded, but not as needed. */
export function bmcFault(code: 'bmcError' | 'bmcUnsupported' | 'bmcMalformedReply', node: NodeFacts, failure: Failure): Fault {
  return new Fault(code, { address: readRedfishSettings(node).address, ...failure });
}

export function unsupportedByBmc(node: NodeFacts, command: string, detail: string): Fault {
  return bmcFault('bmcUnsupported', node, { command, detail });
}
