import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { Asker } from '#wire/ipmi/asker.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';

/** One node's BMC, for what takes many commands. */
export type NodeAsker = Asker & {
  readonly node: NodeFacts;
  /** What a reader should know of an answer that is good for the rest. */
  readonly notice?: ((message: string) => void) | undefined;
  /** Half a second, for a BMC that has said that it is busy. */
  pause(): Promise<void>;
};

const pauseMilliseconds = 500;

export function askNode(ask: AskBmc, node: NodeFacts, callOptions: CallOptions = {}): NodeAsker {
  return {
    node,
    notice: callOptions.notice,
    ask: (row, fields) => ask(node, row, fields, callOptions),
    completionOf,
    pause: () => sleep(pauseMilliseconds, undefined, callOptions.signal && { signal: callOptions.signal }),
  };
}

export function completionOf(error: unknown): number | undefined {
  const code = error instanceof Fault && error.code === 'bmcError' ? error.fields['completion'] : undefined;
  return typeof code === 'number' ? code : undefined;
}

/**
 * The answer; undefined where the BMC answers anything else, of one thing among many that it has told already: it says FFh or
 * C0h of a sensor that cannot be read as it does of everything while it starts.
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

/** The answer; undefined where the BMC refuses the command, which it need not know. */
export async function optionally<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    // An answer that is laid out wrongly is a `bmcError` as well, without a completion code.
    if (error instanceof Fault && error.code === 'bmcError') return undefined;
    throw error;
  }
}
