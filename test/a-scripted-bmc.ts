/**
 * A BMC with scripted responses, for operations of many commands and for workarounds that no peer program exercises.
 */
import { decode, encode } from '#wire/bytes/fields.ts';
import type { Asker } from '#wire/ipmi/asker.ts';
import type { AnyCommand, Command } from '#wire/ipmi/command.ts';

export class ScriptedRefusal extends Error {
  readonly completion: number;

  constructor(completion: number) {
    super(`completion code ${completion.toString(16)}h`);
    this.completion = completion;
  }
}

type Script = <Q, R>(row: Command<Q, R>, handler: (request: Q, lun: number) => R | number) => void;

/**
 * A handler returns the response, or a completion code. A command without one gets C1h. Both are encoded and decoded.
 */
export function aScriptedBmc(write: (on: Script) => void): Asker & { readonly asked: readonly string[] } {
  const handlers = new Map<string, (request: unknown, lun: number) => unknown>();
  const asked: string[] = [];
  const keyOf = ({ netFn, command }: Pick<AnyCommand, 'netFn' | 'command'>) => `${netFn}/${command}`;
  write((row, handler) => handlers.set(keyOf(row), handler as (request: unknown, lun: number) => unknown));
  return {
    asked,
    async ask(row, fields) {
      asked.push(row.name);
      const request = decode(row.request, encode(row.request, fields), row.name);
      const answer = handlers.get(keyOf(row))?.(request, row.lun ?? 0) ?? 0xc1;
      if (typeof answer === 'number') throw new ScriptedRefusal(answer);
      return decode(row.response, encode(row.response, answer as never), row.name);
    },
    completionOf: (error) => (error instanceof ScriptedRefusal ? error.completion : undefined),
  };
}
