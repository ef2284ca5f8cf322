/** All commands that Ingot knows, as rows. A new one is a new row; sensors, event log, FRU and console add their own files. */
import * as app from './app-commands.ts';
import * as chassis from './chassis-commands.ts';
import type { AnyCommand } from './command.ts';
import * as transport from './transport-commands.ts';

export const commandTable: readonly AnyCommand[] = [
  chassis.getChassisStatus,
  chassis.chassisControl,
  chassis.setBootOptions,
  chassis.getBootOptions,
  app.getDeviceId,
  app.getSystemGuid,
  app.getChannelAuthenticationCapabilities,
  app.getChannelCipherSuites,
  app.setSessionPrivilege,
  app.closeSession,
  app.getChannelInfo,
  app.getChannelAccess,
  app.getUserAccess,
  app.getUserName,
  transport.getLanParameters,
] as AnyCommand[];

export function findCommand(netFn: number, command: number): AnyCommand | undefined {
  return commandTable.find((row) => row.netFn === netFn && row.command === command);
}
