/** All commands that Ingot knows, as rows. A new one is a new row. */
import * as app from './app-commands.ts';
import { sendMessage } from './bridge.ts';
import * as chassis from './chassis-commands.ts';
import type { AnyCommand } from './command.ts';
import * as device from './device-commands.ts';
import * as payload from './payload-commands.ts';
import * as sensor from './sensor-commands.ts';
import * as storage from './storage-commands.ts';
import * as transport from './transport-commands.ts';
import * as user from './user-commands.ts';

export const commandTable: readonly AnyCommand[] = [
  chassis.getChassisStatus,
  chassis.chassisControl,
  chassis.chassisIdentify,
  chassis.getChassisCapabilities,
  chassis.setBootOptions,
  chassis.getBootOptions,
  app.getDeviceId,
  app.getSystemGuid,
  app.getChannelAuthenticationCapabilities,
  app.getChannelCipherSuites,
  app.getSessionChallenge,
  app.activateSession,
  app.setSessionPrivilege,
  app.closeSession,
  app.getChannelInfo,
  app.getChannelAccess,
  app.getUserAccess,
  app.getUserName,
  sendMessage,
  payload.activatePayload,
  payload.deactivatePayload,
  payload.getPayloadActivationStatus,
  payload.getChannelPayloadSupport,
  payload.getChannelPayloadVersion,
  transport.getLanParameters,
  transport.setLanParameters,
  user.setUserAccess,
  user.setUserName,
  user.setUserPassword,
  device.coldReset,
  device.warmReset,
  device.getSelfTestResults,
  device.getDeviceGuid,
  storage.getSdrRepositoryInfo,
  storage.reserveSdrRepository,
  storage.getSdr,
  storage.getFruAreaInfo,
  storage.readFruData,
  storage.getSelInfo,
  storage.getSelAllocationInfo,
  storage.reserveSel,
  storage.getSelEntry,
  storage.addSelEntry,
  storage.clearSel,
  storage.getSelTime,
  storage.setSelTime,
  sensor.getDeviceSdrInfo,
  sensor.getDeviceSdr,
  sensor.reserveDeviceSdrs,
  sensor.getSensorReadingFactors,
  sensor.getSensorHysteresis,
  sensor.getSensorThresholds,
  sensor.getSensorEventEnable,
  sensor.getSensorReading,
] as AnyCommand[];

export function findCommand(netFn: number, command: number): AnyCommand | undefined {
  return commandTable.find((row) => row.netFn === netFn && row.command === command);
}
