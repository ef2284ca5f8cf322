import type { CommandHandler } from './command-loop.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import type { ServerLink } from './server-link.ts';

export type CommandParts = { machine: Machine; link: ServerLink; log: Log };

/** What the server may ask for; names and shapes are in agent-protocol/messages.ts. */
export function commandTable({ machine }: CommandParts): Record<string, CommandHandler> {
  return {
    reboot: async () => ({ result: {}, afterwards: () => machine.reboot() }),
    'power-off': async () => ({ result: {}, afterwards: () => machine.powerOff() }),
  };
}
