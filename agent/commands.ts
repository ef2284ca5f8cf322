import type { ApplyRaid, WriteConfigDrive, WriteImage } from '../agent-protocol/messages.ts';
import type { CommandName } from '../agent-protocol/routes.ts';
import { applyRaid } from './apply-raid.ts';
import type { CommandHandler } from './command-loop.ts';
import { writeConfigDrive } from './config-drive.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import type { ServerLink } from './server-link.ts';
import { wipeDisks } from './wipe-disks.ts';
import { writeImage } from './write-image.ts';

export type CommandParts = { machine: Machine; link: ServerLink; log: Log };

/** The supported commands; the server validates them against agent-protocol/messages.ts before it sends them. */
export function commandTable(parts: CommandParts): Record<CommandName, CommandHandler> {
  const { machine } = parts;
  return {
    'write-image': async (params, context) => ({ result: await writeImage(params as WriteImage, parts, context) }),
    'write-config-drive': async (params, { signal }) => ({
      result: await writeConfigDrive(params as WriteConfigDrive, parts, signal),
    }),
    'apply-raid': async (params, context) => ({ result: await applyRaid(params as ApplyRaid, parts, context) }),
    clean: async (_, context) => ({ result: await wipeDisks(parts, context) }),
    reboot: async () => ({ result: {}, afterwards: () => machine.reboot() }),
    'power-off': async () => ({ result: {}, afterwards: () => machine.powerOff() }),
  };
}
