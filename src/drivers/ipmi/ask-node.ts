import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { Asker } from '#wire/ipmi/asker.ts';
import type { Asking, NodeFacts } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';

/** One node's BMC, for what takes many commands. */
export type NodeAsker = Asker & {
  readonly node: NodeFacts;
  /** Half a second, for a BMC that has said that it is busy. */
  pause(): Promise<void>;
};

const pauseMilliseconds = 500;

export function askNode(ask: AskBmc, node: NodeFacts, asking: Asking = {}): NodeAsker {
  return {
    node,
    ask: (row, fields) => ask(node, row, fields, asking),
    completionOf,
    pause: () => sleep(pauseMilliseconds, undefined, asking.signal && { signal: asking.signal }),
  };
}

export function completionOf(error: unknown): number | undefined {
  const code = error instanceof Fault && error.code === 'bmcError' ? error.fields['completion'] : undefined;
  return typeof code === 'number' ? code : undefined;
}

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
