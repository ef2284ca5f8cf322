import { pause } from '#async/timers.ts';
import { Fault, failedBmcFaults } from '#domain/faults.ts';
import type { Asker } from '#wire/ipmi/asker.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';

/** The BMC of one node, for tasks that need many commands. */
export type NodeAsker = Asker & {
  readonly node: NodeFacts;
  /** Reports a partial problem of an otherwise valid response. */
  readonly notice?: ((message: string) => void) | undefined;
  /** Half a second, for a BMC that reported node busy. */
  pause(): Promise<void>;
};

const pauseMilliseconds = 500;

export function askNode(ask: AskBmc, node: NodeFacts, callOptions: CallOptions = {}): NodeAsker {
  return {
    node,
    notice: callOptions.notice,
    ask: (row, fields) => ask(node, row, fields, callOptions),
    completionOf,
    pause: () => pause(pauseMilliseconds, callOptions.signal),
  };
}

export function completionOf(error: unknown): number | undefined {
  const code = error instanceof Fault && failedBmcFaults.includes(error.code) ? error.fields['completion'] : undefined;
  return typeof code === 'number' ? code : undefined;
}

/**
 * The response; undefined for any other answer of the BMC. Used for one item among many after the BMC has already
 * responded: for an unreadable sensor it returns FFh or C0h, the same codes as for every command while it starts.
 */
export async function oneOfMany<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await optionally(asked);
  } catch (error) {
    if (error instanceof Fault && error.code === 'bmcNotReady' && error.fields['completion'] !== initializing) return undefined;
    throw error;
  }
}

const initializing = 0xd2;

/** The response; undefined if the BMC refuses the command, which is optional, or its response is invalid. */
export async function optionally<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Fault && failedBmcFaults.includes(error.code)) return undefined;
    throw error;
  }
}
